//! The cert room against the real `openssl`.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

use etcdsh::cert::{Ca, Issued, Leaf, inspect, now, reason_to_renew, same_ca, verify};
use etcdsh::secret::Secret;
use tempfile::TempDir;

/// A folder in which shell commands run and files are read.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// What the command prints; it must succeed.
    fn sh(&self, command: &str) -> String {
        let output = Command::new("sh")
            .args(["-ec", command])
            .current_dir(self.path())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    fn secret(&self, name: &str) -> Secret {
        Secret::new(self.read(name))
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    /// Makes `ca.key` by the command, then `ca.crt` with it.
    fn ca(&self, key_command: &str) {
        self.sh(key_command);
        self.sh("openssl req -x509 -new -key ca.key -subj /O=pigsty/OU=ca/CN=pigsty-ca -days 3650 -out ca.crt");
    }

    fn load(&self) -> etcdsh::error::Result<Ca> {
        Ca::load(&self.read("ca.crt"), &self.secret("ca.key"))
    }

    fn refusal(&self) -> String {
        self.load()
            .err()
            .expect("the CA must be refused")
            .to_string()
    }

    fn write_leaf(&self, leaf: &Issued) {
        self.write("leaf.crt", &leaf.cert_pem);
        self.write("leaf.key", leaf.key_pem.reveal());
    }
}

fn leaf() -> Leaf {
    Leaf {
        common_name: "etcd-1".into(),
        days: 7300,
        organization: Some("pigsty".into()),
        sans: ["127.0.0.1", "localhost", "10.10.10.10", "fd00::1", "etcd-1"]
            .map(String::from)
            .to_vec(),
        unit: Some("etcd".into()),
    }
}

/// What `openssl` says about `ca.crt`, `leaf.crt` and `leaf.key`.
fn check_with_openssl(folder: &Folder) {
    for purpose in ["sslserver", "sslclient"] {
        let seen = folder.sh(&format!(
            "openssl verify -CAfile ca.crt -purpose {purpose} leaf.crt"
        ));
        assert_eq!(seen, "leaf.crt: OK\n");
    }
    assert_eq!(
        folder.sh("openssl x509 -in leaf.crt -noout -pubkey"),
        folder.sh("openssl pkey -in leaf.key -pubout")
    );
    let extensions =
        folder.sh("openssl x509 -in leaf.crt -noout -ext subjectAltName,keyUsage,extendedKeyUsage,basicConstraints");
    for line in [
        "    DNS:etcd-1",
        "IP Address:127.0.0.1, DNS:localhost, IP Address:10.10.10.10, IP Address:FD00:0:0:0:0:0:0:1, DNS:etcd-1",
        "X509v3 Key Usage: critical\n    Digital Signature\n",
        "X509v3 Extended Key Usage: \n    TLS Web Server Authentication, TLS Web Client Authentication\n",
        "X509v3 Basic Constraints: critical\n    CA:FALSE\n",
    ] {
        assert!(
            extensions.contains(line.trim_start()),
            "{line} is not in {extensions}"
        );
    }
    let subject = folder.sh("openssl x509 -in leaf.crt -noout -subject");
    assert_eq!(subject, "subject=O = pigsty, OU = etcd, CN = etcd-1\n");
    assert_eq!(
        key_id(folder, "leaf.crt", "authorityKeyIdentifier"),
        key_id(folder, "ca.crt", "subjectKeyIdentifier")
    );
}

fn key_id(folder: &Folder, file: &str, extension: &str) -> String {
    let text = folder.sh(&format!("openssl x509 -in {file} -noout -ext {extension}"));
    text.lines()
        .nth(1)
        .unwrap()
        .trim()
        .trim_start_matches("keyid:")
        .to_string()
}

fn ca_of_openssl_issues(key_command: &str) {
    let folder = Folder::new();
    folder.ca(key_command);
    let ca = folder.load().unwrap();
    assert_eq!(ca.cert_pem(), folder.read("ca.crt"));
    assert_eq!(ca.key_pem(), &folder.secret("ca.key"));
    let issued = ca.issue(&leaf()).unwrap();
    folder.write_leaf(&issued);
    check_with_openssl(&folder);
    verify(&issued.cert_pem, ca.cert_pem(), now()).unwrap();
    assert_eq!(
        reason_to_renew(
            &issued.cert_pem,
            &issued.key_pem,
            ca.cert_pem(),
            &leaf(),
            now()
        )
        .unwrap(),
        None
    );
}

#[test]
fn ca_with_rsa_pkcs1_issues() {
    ca_of_openssl_issues("openssl genrsa -traditional -out ca.key 2048");
}

#[test]
fn ca_with_rsa_4096_pkcs1_issues() {
    ca_of_openssl_issues("openssl genrsa -traditional -out ca.key 4096");
}

#[test]
fn ca_with_rsa_pkcs8_issues() {
    ca_of_openssl_issues(
        "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out ca.key",
    );
}

#[test]
fn ca_with_p256_sec1_and_parameters_block_issues() {
    ca_of_openssl_issues(
        "openssl ecparam -name prime256v1 -genkey -out ca.key; grep -q 'EC PARAMETERS' ca.key",
    );
}

#[test]
fn ca_with_p384_sec1_issues() {
    ca_of_openssl_issues(
        "openssl ecparam -name secp384r1 -genkey -noout -out ca.key; grep -q 'EC PRIVATE' ca.key",
    );
}

#[test]
fn ca_with_p256_and_p384_pkcs8_issues() {
    for curve in ["P-256", "P-384"] {
        ca_of_openssl_issues(&format!(
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{curve} -out ca.key"
        ));
    }
}

#[test]
fn ca_with_ed25519_issues() {
    ca_of_openssl_issues("openssl genpkey -algorithm ED25519 -out ca.key");
}

#[test]
fn text_before_the_blocks_is_ignored() {
    let folder = Folder::new();
    folder.ca(
        "openssl genrsa -traditional -out raw.key 2048; (openssl rsa -in raw.key -text) > ca.key",
    );
    folder.sh(
        "openssl x509 -in ca.crt -text -out text.crt; sed 's/^/  /; s/$/\\r/' text.crt > ca2.crt",
    );
    let ca = Ca::load(&folder.read("ca2.crt"), &folder.secret("ca.key")).unwrap();
    assert_eq!(ca.cert_pem(), folder.read("ca.crt"));
}

#[test]
fn of_several_certificates_the_one_of_the_key_is_taken() {
    let folder = Folder::new();
    folder.ca("openssl genpkey -algorithm ED25519 -out ca.key");
    let other = Ca::create("other-ca", 10).unwrap();
    let both = format!("{}{}", other.cert_pem(), folder.read("ca.crt"));
    assert_eq!(
        Ca::load(&both, &folder.secret("ca.key"))
            .unwrap()
            .cert_pem(),
        folder.read("ca.crt")
    );
}

#[test]
fn a_new_ca_is_a_ca_for_openssl() {
    let folder = Folder::new();
    let ca = Ca::create("etcdsh-ca", 3650).unwrap();
    folder.write("ca.crt", ca.cert_pem());
    folder.write("ca.key", ca.key_pem().reveal());
    folder.write_leaf(&ca.issue(&leaf()).unwrap());
    check_with_openssl(&folder);
    folder.sh("openssl verify -x509_strict -CAfile ca.crt leaf.crt");
    let extensions = folder.sh("openssl x509 -in ca.crt -noout -ext basicConstraints,keyUsage");
    assert_eq!(
        extensions,
        "X509v3 Key Usage: critical\n    Certificate Sign, CRL Sign\nX509v3 Basic Constraints: critical\n    CA:TRUE, pathlen:0\n"
    );
    assert!(
        folder
            .sh("head -1 ca.key")
            .starts_with("-----BEGIN PRIVATE KEY-----")
    );
    folder.load().unwrap();
}

#[test]
fn inspect_agrees_with_openssl() {
    let folder = Folder::new();
    folder.ca("openssl genrsa -traditional -out ca.key 2048");
    let seen = inspect(&folder.read("ca.crt")).unwrap();
    let said = |option: &str| {
        folder
            .sh(&format!("openssl x509 -in ca.crt -noout {option}"))
            .trim()
            .to_lowercase()
    };
    assert_eq!(format!("serial={}", seen.serial), said("-serial"));
    assert_eq!(
        format!("sha256 fingerprint={}", seen.fingerprint),
        said("-fingerprint -sha256").replace(':', "")
    );
    let key = folder.sh(
        "openssl x509 -in ca.crt -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum",
    );
    assert_eq!(
        seen.public_key_fingerprint,
        key.split_whitespace().next().unwrap()
    );
    let end =
        folder.sh("date -u -d \"$(openssl x509 -in ca.crt -noout -enddate | cut -d= -f2)\" +%s");
    assert_eq!(seen.not_after.to_string(), end.trim());
    assert_eq!(seen.subject, "O=pigsty, OU=ca, CN=pigsty-ca");
}

#[test]
fn a_renewed_ca_is_the_same_ca() {
    let folder = Folder::new();
    folder.ca("openssl genrsa -traditional -out ca.key 2048");
    let (first, issued) = (
        folder.read("ca.crt"),
        folder.load().unwrap().issue(&leaf()).unwrap(),
    );
    folder.ca("true");
    let second = folder.read("ca.crt");
    assert_ne!(first, second);
    assert!(same_ca(&first, &second));
    assert_eq!(
        reason_to_renew(&issued.cert_pem, &issued.key_pem, &second, &leaf(), now()).unwrap(),
        None
    );
}

#[test]
fn a_leaf_of_openssl_stays_and_a_server_only_one_does_not() {
    let folder = Folder::new();
    folder.ca("openssl genrsa -traditional -out ca.key 2048");
    folder.write(
        "ext",
        "subjectAltName=IP:127.0.0.1,DNS:localhost,IP:10.10.10.10,IP:fd00::1,DNS:etcd-1,DNS:more\n",
    );
    folder.write(
        "narrow",
        &format!("{}extendedKeyUsage=serverAuth\n", folder.read("ext")),
    );
    for (extensions, reason) in [
        ("ext", None),
        (
            "narrow",
            Some("extended key usage is not for server and client"),
        ),
    ] {
        folder.sh(&format!(
            "openssl genrsa -traditional -out leaf.key 2048
             openssl req -new -key leaf.key -subj /O=pigsty/OU=etcd/CN=etcd-1 -out leaf.csr
             openssl x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 100 -extfile {extensions} -out leaf.crt"
        ));
        let (cert, key) = (folder.read("leaf.crt"), folder.secret("leaf.key"));
        let seen = reason_to_renew(&cert, &key, &folder.read("ca.crt"), &leaf(), now()).unwrap();
        assert_eq!(seen.as_deref(), reason);
    }
}

#[test]
fn a_key_that_cannot_be_used_says_why() {
    const SUPPORTED: &str =
        "\n caused by: RSA of 2048 to 4096 bits, P-256, P-384 and Ed25519 are supported";
    let encrypted =
        "private key is encrypted with a passphrase\n hint: openssl pkey -in KEY -out PLAIN"
            .to_string();
    for (command, wanted) in [
        (
            "openssl genrsa -traditional -out ca.key 1024",
            format!("private key is RSA of 1024 bits{SUPPORTED}"),
        ),
        (
            "openssl genrsa -out ca.key 1024",
            format!("private key is RSA of 1024 bits{SUPPORTED}"),
        ),
        (
            "openssl genrsa -aes128 -passout pass:x -out ca.key 2048",
            encrypted.clone(),
        ),
        (
            "openssl genrsa -traditional -aes128 -passout pass:x -out ca.key 2048",
            encrypted,
        ),
        (
            "openssl ecparam -name secp521r1 -genkey -out ca.key",
            format!("private key is on curve `P-521`{SUPPORTED}"),
        ),
        (
            "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out ca.key",
            format!("private key is on curve `secp256k1`{SUPPORTED}"),
        ),
        (
            "openssl genpkey -algorithm ED448 -out ca.key",
            format!("private key is of kind `Ed448`{SUPPORTED}"),
        ),
        (
            "openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out ca.key",
            format!("private key is of kind `RSA-PSS`{SUPPORTED}"),
        ),
        (
            "openssl ecparam -name prime256v1 -genkey | openssl ec -no_public -out ca.key",
            "private key has no public part\n hint: openssl ec -in KEY -out WITH_PUBLIC_PART"
                .to_string(),
        ),
        (
            "openssl ecparam -name prime256v1 -genkey -param_enc explicit | openssl pkcs8 -topk8 -nocrypt -out ca.key",
            format!("private key is on a curve that is written out instead of named{SUPPORTED}"),
        ),
        (
            "openssl ecparam -name prime256v1 -genkey -param_enc explicit -out ca.key",
            format!("private key is on a curve that is written out instead of named{SUPPORTED}"),
        ),
        (
            "ssh-keygen -q -t ed25519 -N '' -f ca.key",
            "private key is in the form `OPENSSH PRIVATE KEY`".to_string(),
        ),
        ("echo hello > ca.key", "no private key found".to_string()),
        (
            "openssl genrsa 2048 | openssl rsa -pubout -out ca.key",
            "no private key found, only `PUBLIC KEY`".to_string(),
        ),
    ] {
        let folder = Folder::new();
        folder.sh(command);
        let ca = Ca::create("any", 1).unwrap();
        folder.write("ca.crt", ca.cert_pem());
        assert_eq!(folder.refusal(), wanted, "{command}");
    }
}

#[test]
fn a_damaged_key_or_certificate_says_so() {
    let folder = Folder::new();
    folder.ca("openssl genrsa -traditional -out ca.key 2048");
    let (cert, key) = (folder.read("ca.crt"), folder.read("ca.key"));
    folder.write("ca.key", &key[..key.len() / 2]);
    assert_eq!(
        folder.refusal(),
        "private key is damaged\n caused by: the last PEM block has no end"
    );
    folder.write("ca.key", &key);
    folder.write("ca.crt", &cert.replacen("MII", "M!I", 1));
    let damaged =
        "CA certificate is damaged\n caused by: the PEM block `CERTIFICATE` is not valid base64";
    assert_eq!(folder.refusal(), damaged);
    folder.write("ca.crt", &key);
    assert_eq!(
        folder.refusal(),
        "CA certificate: no certificate found, only `RSA PRIVATE KEY`"
    );
}

#[test]
fn a_certificate_that_cannot_sign_says_why() {
    let subject = "O=pigsty, OU=ca, CN=pigsty-ca";
    let request = |more: &str| {
        format!(
            "openssl req -x509 -new -key ca.key -subj /O=pigsty/OU=ca/CN=pigsty-ca -days 10 {more} -out ca.crt"
        )
    };
    for (command, wanted) in [
        (
            "openssl genrsa -out other.key 2048; openssl req -x509 -new -key other.key -subj /CN=other -out ca.crt".into(),
            "private key does not belong to the CA certificate `CN=other`".to_string(),
        ),
        (
            "printf '[req]\\ndistinguished_name=d\\n[d]\\n' > c; ".to_string() + request("-config c -addext basicConstraints=CA:FALSE").as_str(),
            format!("certificate `{subject}` is not a CA"),
        ),
        (request("-addext keyUsage=digitalSignature"), format!("CA `{subject}` may not sign certificates\n caused by: its key usage lacks keyCertSign")),
        (
            "openssl req -x509 -new -key ca.key -subj /DC=com/DC=example/CN=ca -out ca.crt".into(),
            "the name of CA `DC=com, DC=example, CN=ca` cannot be used as an issuer\n caused by: it has two values of one attribute".to_string(),
        ),
    ] {
        let folder = Folder::new();
        folder.sh("openssl genrsa -traditional -out ca.key 2048");
        folder.sh(&command);
        assert_eq!(folder.refusal(), wanted);
    }
}

#[test]
fn an_expired_ca_is_refused() {
    let folder = Folder::new();
    folder.sh(
        "openssl genrsa -traditional -out ca.key 2048
         openssl req -new -key ca.key -subj /CN=old-ca -out ca.csr
         printf 'basicConstraints=critical,CA:TRUE\\n' > ext
         printf '[ca]\\ndefault_ca=d\\n[d]\\ndatabase=index\\nnew_certs_dir=.\\nserial=serial\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' > conf
         : > index; echo 01 > serial
         openssl ca -batch -config conf -selfsign -keyfile ca.key -in ca.csr -extfile ext -out ca.crt \\
            -startdate 20200101000000Z -enddate 20210101000000Z",
    );
    assert_eq!(
        folder.refusal(),
        "CA `CN=old-ca` expired on 2021-01-01 00:00:00 UTC"
    );
}
