mod cert;
mod etcd_client;
mod inventory;
mod program;
mod real;
