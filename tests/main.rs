mod cert;
mod docs;
mod etcd_client;
mod inventory;
mod real;
