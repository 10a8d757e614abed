#!/usr/bin/env bash
# Certificates of every kind that is met in the wild, into the folder $1, for servers at the addresses $2... Files: NAME.crt, NAME.key.
set -euo pipefail

cd "$1"
shift
names=DNS:localhost
for address in "$@"; do names+=,IP:$address; done
exec 2>openssl.log

key() { # NAME KIND
    case $2 in
        rsa*) openssl genrsa -out "$1.key" "${2#rsa}" ;;
        p256) openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" ;;
        p384) openssl ecparam -name secp384r1 -genkey -noout -out "$1.key" ;;
        p521) openssl ecparam -name secp521r1 -genkey -noout -out "$1.key" ;;
        ed25519) openssl genpkey -algorithm ed25519 -out "$1.key" ;;
    esac
}

# NAME KIND EXTENSION...: a certificate that has signed itself.
own() {
    local name=$1 extensions=()
    key "$1" "$2"
    shift 2
    for extension in "$@"; do extensions+=(-addext "$extension"); done
    openssl req -x509 -new -config bare.cnf -key "$name.key" -subj "/CN=$name" -days 30 -out "$name.crt" "${extensions[@]}"
}

# NAME KIND CA EXTENSION...: a certificate that the CA has signed; `dates` and `digest` are variables.
signed() {
    local name=$1 ca=$3
    key "$1" "$2"
    shift 3
    printf '%s\n' "$@" >"$name.ext"
    openssl req -new -config bare.cnf -key "$name.key" -subj "/CN=$name" -out "$name.csr"
    # shellcheck disable=SC2086 # Two words each.
    openssl ca -batch -config ca.cnf -notext -in "$name.csr" -cert "$ca.crt" -keyfile "$ca.key" -out "$name.crt" \
        -extfile "$name.ext" -md "${digest:-sha256}" ${dates:--days 30} ${sigopt:-}
}

# NAME KIND CA: in the form before extensions, which openssl 3.0 makes where none are asked for.
first_version() {
    key "$1" "$2"
    openssl req -new -config bare.cnf -key "$1.key" -subj "/CN=$1" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA "$3.crt" -CAkey "$3.key" -CAcreateserial -days 30 -out "$1.crt"
    openssl x509 -in "$1.crt" -noout -text | grep -q 'Version: 1 ' ||
        openssl req -x509 -x509v1 -config bare.cnf -key "$1.key" -subj "/CN=$1" -CA "$3.crt" -CAkey "$3.key" -days 30 -out "$1.crt"
}

printf '[req]\ndistinguished_name=dn\n[dn]\n' >bare.cnf
cat >ca.cnf <<'END'
[ca]
default_ca=own
[own]
database=index
serial=serial
new_certs_dir=.
policy=any
unique_subject=no
[any]
commonName=supplied
END
touch index
echo 1000 >serial

is_ca=basicConstraints=critical,CA:true
san=subjectAltName=$names
past='-startdate 20200101000000Z -enddate 20210101000000Z'
future='-startdate 20400101000000Z -enddate 20410101000000Z'

own ca p256 "$is_ca"
own other p256 "$is_ca"
for kind in rsa1024 rsa2048 rsa4096 p256 p384 p521 ed25519; do
    signed "$kind" "$kind" ca "$san"
    signed "client-$kind" "$kind" ca extendedKeyUsage=clientAuth
done
for kind in rsa1024 rsa2048 p521 ed25519; do
    own "ca-$kind" "$kind" "$is_ca"
    signed "of-$kind" p256 "ca-$kind" "$san"
done
digest=sha384 signed sha384-of-rsa1024 p256 ca-rsa1024 "$san"
digest=sha512 signed sha512-of-rsa1024 p256 ca-rsa1024 "$san"
digest=sha1 signed sha1 p256 ca-rsa2048 "$san"
sigopt='-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest' signed pss p256 ca-rsa2048 "$san"

own self-ca rsa2048 "$san" "$is_ca"
own self rsa2048 "$san" basicConstraints=CA:false
own self-plain p256 "$san"
signed leaf-ca rsa2048 ca "$san" "$is_ca"
signed no-names p256 ca basicConstraints=CA:false
signed other-name p256 ca subjectAltName=DNS:example.test
signed wildcard p256 ca 'subjectAltName=DNS:*.test,DNS:localhost'
signed for-clients p256 ca "$san" extendedKeyUsage=clientAuth
signed for-servers p256 ca "$san" extendedKeyUsage=serverAuth
signed for-any p256 ca "$san" extendedKeyUsage=anyExtendedKeyUsage
signed critical p256 ca "$san" 1.2.3.4.5=critical,ASN1:NULL
dates=$past signed ended p256 ca "$san"
dates=$future signed early p256 ca "$san"

signed middle p256 ca "$is_ca"
signed of-middle p256 middle "$san"
cat of-middle.crt middle.crt >chain.crt
cp of-middle.key chain.key
signed no-ca p256 ca basicConstraints=CA:false
signed of-no-ca p256 no-ca "$san"
cat of-no-ca.crt no-ca.crt >chain-no-ca.crt
cp of-no-ca.key chain-no-ca.key
own short p256 'basicConstraints=critical,CA:true,pathlen:0'
signed below-short p256 short "$is_ca"
signed of-below-short p256 below-short "$san"
cat of-below-short.crt below-short.crt >too-long.crt
cp of-below-short.key too-long.key
own no-sign p256 "$is_ca" keyUsage=digitalSignature
signed of-no-sign p256 no-sign "$san"
own narrow p256 "$is_ca" 'nameConstraints=permitted;DNS:example.test,permitted;IP:127.0.0.0/255.0.0.0'
signed of-narrow p256 narrow "subjectAltName=${names#DNS:localhost,}"
own elsewhere p256 "$is_ca" 'nameConstraints=permitted;IP:10.0.0.0/255.0.0.0'
signed of-elsewhere p256 elsewhere "subjectAltName=${names#DNS:localhost,}"
dates=$past signed ended-ca p256 ca "$is_ca"
signed of-ended-ca p256 ended-ca "$san"

key first rsa2048
openssl req -new -config bare.cnf -key first.key -subj /CN=first -out first.csr
openssl x509 -req -in first.csr -signkey first.key -days 30 -out first.crt
signed of-first p256 first "$san"
first_version v1-server p256 ca
first_version v1-client rsa2048 ca
first_version v1-client-ec p256 ca
signed client-of-middle p256 middle extendedKeyUsage=clientAuth
cat client-of-middle.crt middle.crt >client-chain.crt
dates=$past signed client-ended p256 ca extendedKeyUsage=clientAuth
signed client-for-servers p256 ca extendedKeyUsage=serverAuth
signed stranger p256 other extendedKeyUsage=clientAuth

# Forms of files.
openssl pkcs8 -topk8 -nocrypt -in client-p256.key -out pkcs8.key
openssl rsa -in client-rsa2048.key -traditional -out pkcs1.key
{ openssl ecparam -name prime256v1; cat client-p256.key; } >parameters.key
openssl pkcs8 -topk8 -passout pass:x -in client-p256.key -out encrypted.key
openssl ec -aes128 -passout pass:x -in client-p256.key -out encrypted-old.key
cat client-p256.key client-p256.crt >both.pem
openssl x509 -in client-p256.crt -trustout -out trusted-client.crt
openssl x509 -in ca.crt -trustout -out trusted.crt
openssl x509 -in ca.crt -addtrust serverAuth -trustout -out trusted-more.crt
openssl x509 -in ca.crt -outform der -out ca.der
cat other.crt ca.crt >bundle.crt
{ echo 'A CA of ours'; sed 's/$/\r/' ca.crt; echo 'its end'; } >dressed.crt
{ sed '3s/.*/!!!!/' other.crt; cat ca.crt; } >broken-text.crt
{ printf -- '-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n'; cat ca.crt; } >broken-block.crt
cat ca.crt ca.key >with-key.crt
sed '$d' ca.crt >cut.crt
: >empty.crt
echo words >words.crt
