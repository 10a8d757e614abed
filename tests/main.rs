mod cert;
mod etcd_client;
