mod cert;
mod etcd_client;
mod inventory;
mod real;
