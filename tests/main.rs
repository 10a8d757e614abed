mod cert;
mod docs;
mod etcd_client;
mod inventory;
mod program;
mod real;
