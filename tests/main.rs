mod cert;
mod inventory;
