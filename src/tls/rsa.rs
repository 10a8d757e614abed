//! Which signatures are understood: those of AWS-LC, and those of RSA keys from 1024 bits on, which Go's TLS takes and AWS-LC does not.
//!
//! What is reckoned here is public: a signature, a public key and what was signed. No secret takes part, so time tells nothing.
//! Source: RFC 8017, 8.1.2, 8.2.2 and 9.1.2.

use num_bigint::BigUint;
use pkcs8::der::Decode;
use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};
use sha2::{Digest, Sha256, Sha384, Sha512};
use webpki::aws_lc_rs as aws;

/// Keys that AWS-LC takes begin here.
const LARGE: u64 = 2048;

/// The smallest key that Go takes.
const SMALLEST: u64 = 1024;

type Algorithm = &'static dyn SignatureVerificationAlgorithm;

#[derive(Clone, Copy, Debug)]
enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Padding {
    Pkcs1,
    Pss,
}

/// RSA with keys of any size: AWS-LC verifies what it takes, the small ones are verified here.
#[derive(Debug)]
struct Rsa {
    hash: Hash,
    large: &'static Algorithm,
    padding: Padding,
}

static PKCS1_SHA256: Rsa = Rsa {
    hash: Hash::Sha256,
    large: &aws::RSA_PKCS1_2048_8192_SHA256,
    padding: Padding::Pkcs1,
};
static PKCS1_SHA384: Rsa = Rsa {
    hash: Hash::Sha384,
    large: &aws::RSA_PKCS1_2048_8192_SHA384,
    padding: Padding::Pkcs1,
};
static PKCS1_SHA512: Rsa = Rsa {
    hash: Hash::Sha512,
    large: &aws::RSA_PKCS1_2048_8192_SHA512,
    padding: Padding::Pkcs1,
};
static PSS_SHA256: Rsa = Rsa {
    hash: Hash::Sha256,
    large: &aws::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    padding: Padding::Pss,
};
static PSS_SHA384: Rsa = Rsa {
    hash: Hash::Sha384,
    large: &aws::RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    padding: Padding::Pss,
};
static PSS_SHA512: Rsa = Rsa {
    hash: Hash::Sha512,
    large: &aws::RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    padding: Padding::Pss,
};

static ALL: &[Algorithm] = &[
    aws::ECDSA_P256_SHA256,
    aws::ECDSA_P256_SHA384,
    aws::ECDSA_P256_SHA512,
    aws::ECDSA_P384_SHA256,
    aws::ECDSA_P384_SHA384,
    aws::ECDSA_P384_SHA512,
    aws::ECDSA_P521_SHA256,
    aws::ECDSA_P521_SHA384,
    aws::ECDSA_P521_SHA512,
    aws::ED25519,
    &PSS_SHA256,
    &PSS_SHA384,
    &PSS_SHA512,
    &PKCS1_SHA256,
    &PKCS1_SHA384,
    &PKCS1_SHA512,
];

/// In TLS 1.3 the first of a row counts, in 1.2 the curve is the certificate's.
static MAPPING: &[(SignatureScheme, &[Algorithm])] = &[
    (
        SignatureScheme::ECDSA_NISTP256_SHA256,
        &[
            aws::ECDSA_P256_SHA256,
            aws::ECDSA_P384_SHA256,
            aws::ECDSA_P521_SHA256,
        ],
    ),
    (
        SignatureScheme::ECDSA_NISTP384_SHA384,
        &[
            aws::ECDSA_P384_SHA384,
            aws::ECDSA_P256_SHA384,
            aws::ECDSA_P521_SHA384,
        ],
    ),
    (
        SignatureScheme::ECDSA_NISTP521_SHA512,
        &[
            aws::ECDSA_P521_SHA512,
            aws::ECDSA_P384_SHA512,
            aws::ECDSA_P256_SHA512,
        ],
    ),
    (SignatureScheme::ED25519, &[aws::ED25519]),
    (SignatureScheme::RSA_PSS_SHA256, &[&PSS_SHA256]),
    (SignatureScheme::RSA_PSS_SHA384, &[&PSS_SHA384]),
    (SignatureScheme::RSA_PSS_SHA512, &[&PSS_SHA512]),
    (SignatureScheme::RSA_PKCS1_SHA256, &[&PKCS1_SHA256]),
    (SignatureScheme::RSA_PKCS1_SHA384, &[&PKCS1_SHA384]),
    (SignatureScheme::RSA_PKCS1_SHA512, &[&PKCS1_SHA512]),
];

pub(super) const ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: ALL,
    mapping: MAPPING,
};

impl SignatureVerificationAlgorithm for Rsa {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let key = Key::read(public_key).ok_or(InvalidSignature)?;
        if key.modulus.bits() >= LARGE {
            return self.large.verify_signature(public_key, message, signature);
        }
        let opened = key.open(signature).ok_or(InvalidSignature)?;
        if self.fits(message, &opened, &key) {
            Ok(())
        } else {
            Err(InvalidSignature)
        }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.large.signature_alg_id()
    }
}

impl Rsa {
    /// Is this what a signature of the message holds?
    fn fits(&self, message: &[u8], opened: &[u8], key: &Key) -> bool {
        match self.padding {
            Padding::Pkcs1 => self.hash.pkcs1(message, opened.len()).as_deref() == Some(opened),
            Padding::Pss => self.hash.pss(message, opened, key.modulus.bits()),
        }
    }
}

struct Key {
    exponent: BigUint,
    modulus: BigUint,
}

impl Key {
    fn read(der: &[u8]) -> Option<Key> {
        let key = pkcs1::RsaPublicKey::from_der(der).ok()?;
        let read = |bytes: &[u8]| BigUint::from_bytes_be(bytes);
        let key = Key {
            exponent: read(key.public_exponent.as_bytes()),
            modulus: read(key.modulus.as_bytes()),
        };
        let odd = |number: &BigUint| number.bit(0);
        let sound = key.modulus.bits() >= SMALLEST
            && odd(&key.modulus)
            && odd(&key.exponent)
            && (2..=33).contains(&key.exponent.bits());
        sound.then_some(key)
    }

    /// What was sealed with the secret key, as long as the key.
    fn open(&self, signature: &[u8]) -> Option<Vec<u8>> {
        let length = usize::try_from(self.modulus.bits().div_ceil(8)).ok()?;
        let number = BigUint::from_bytes_be(signature);
        if signature.len() != length || number >= self.modulus {
            return None;
        }
        let opened = number.modpow(&self.exponent, &self.modulus).to_bytes_be();
        let mut padded = vec![0; length - opened.len()];
        padded.extend(opened);
        Some(padded)
    }
}

impl Hash {
    fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        fn of<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
            let mut digest = D::new();
            for part in parts {
                digest.update(part);
            }
            digest.finalize().to_vec()
        }
        match self {
            Hash::Sha256 => of::<Sha256>(parts),
            Hash::Sha384 => of::<Sha384>(parts),
            Hash::Sha512 => of::<Sha512>(parts),
        }
    }

    /// The last bytes of the hash's object identifier, and the hash's length: RFC 8017, 9.2, note 1.
    fn name(self) -> (u8, u8) {
        match self {
            Hash::Sha256 => (1, 32),
            Hash::Sha384 => (2, 48),
            Hash::Sha512 => (3, 64),
        }
    }

    /// What a PKCS#1 signature holds: there is one way to write it.
    fn pkcs1(self, message: &[u8], length: usize) -> Option<Vec<u8>> {
        let (name, size) = self.name();
        let mut end = vec![0x30, 17 + size, 0x30, 13, 6, 9];
        end.extend([0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, name]);
        end.extend([5, 0, 4, size]);
        end.extend(self.digest(&[message]));
        let padding = length
            .checked_sub(end.len() + 3)
            .filter(|&room| room >= 8)?;
        let mut whole = vec![0, 1];
        whole.extend(vec![0xff; padding]);
        whole.push(0);
        whole.extend(end);
        Some(whole)
    }

    /// Does a PSS signature hold this message? The salt is as long as the hash, as TLS and certificates have it.
    fn pss(self, message: &[u8], opened: &[u8], modulus_bits: u64) -> bool {
        let bits = usize::try_from(modulus_bits - 1).unwrap_or_default();
        let length = bits.div_ceil(8);
        let Some((lead, encoded)) = opened.split_at_checked(opened.len() - length) else {
            return false;
        };
        let size = usize::from(self.name().1);
        let Some(room) = length.checked_sub(2 * size + 2) else {
            return false;
        };
        let (masked, rest) = encoded.split_at(length - size - 1);
        let (seed, trailer) = rest.split_at(size);
        let top = 0xff_u8 >> (8 * length - bits);
        if lead.iter().any(|&byte| byte != 0) || trailer != [0xbc] || masked[0] & !top != 0 {
            return false;
        }
        let mask = self.mask(seed, masked.len());
        let mut data: Vec<u8> = masked.iter().zip(mask).map(|(a, b)| a ^ b).collect();
        data[0] &= top;
        let (zeros, salted) = data.split_at(room);
        let Some((&1, salt)) = salted.split_first() else {
            return false;
        };
        let hashed = self.digest(&[message]);
        zeros.iter().all(|&byte| byte == 0) && self.digest(&[&[0; 8], &hashed, salt]) == seed
    }

    /// MGF1: RFC 8017, B.2.1.
    fn mask(self, seed: &[u8], length: usize) -> Vec<u8> {
        let mut mask = Vec::new();
        for counter in 0_u32.. {
            if mask.len() >= length {
                break;
            }
            mask.extend(self.digest(&[seed, &counter.to_be_bytes()]));
        }
        mask.truncate(length);
        mask
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
        RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
    };

    use super::*;

    /// AWS-LC signs with a key that it takes; what is reckoned here must say the same of the signature.
    #[test]
    fn signatures_are_told_from_others() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let key = Key::read(pair.public_key().as_ref()).unwrap();
        let kinds: [(&'static dyn RsaEncoding, &Rsa); 6] = [
            (&RSA_PKCS1_SHA256, &PKCS1_SHA256),
            (&RSA_PKCS1_SHA384, &PKCS1_SHA384),
            (&RSA_PKCS1_SHA512, &PKCS1_SHA512),
            (&RSA_PSS_SHA256, &PSS_SHA256),
            (&RSA_PSS_SHA384, &PSS_SHA384),
            (&RSA_PSS_SHA512, &PSS_SHA512),
        ];
        let takes = |rsa: &Rsa, message: &[u8], signature: &[u8]| {
            key.open(signature)
                .is_some_and(|opened| rsa.fits(message, &opened, &key))
        };
        for (number, (encoding, _)) in kinds.iter().enumerate() {
            let mut signature = vec![0; pair.public_modulus_len()];
            pair.sign(*encoding, &SystemRandom::new(), b"text", &mut signature)
                .unwrap();
            let taken: Vec<bool> = kinds
                .iter()
                .map(|(_, rsa)| takes(rsa, b"text", &signature))
                .collect();
            let wanted: Vec<bool> = (0..kinds.len()).map(|other| other == number).collect();
            assert_eq!(taken, wanted);
            assert!(!takes(kinds[number].1, b"another", &signature));
            for byte in [0, 100, 255] {
                let mut broken = signature.clone();
                broken[byte] ^= 1;
                assert!(!takes(kinds[number].1, b"text", &broken));
            }
            assert!(!takes(kinds[number].1, b"text", &signature[1..]));
            assert!(!takes(kinds[number].1, b"text", b""));
        }
        assert!(key.open(&[0xff; 256]).is_none());
    }
}
