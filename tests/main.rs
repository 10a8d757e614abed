mod cert;
