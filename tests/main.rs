mod cert;
mod docs;
mod etcd_client;
mod etcdctl;
mod inventory;
mod program;
mod real;
mod repl;
