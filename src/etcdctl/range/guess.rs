//! Where the key that is a given number of keys further on would lie, judged by the letters of the keys that were seen.
//!
//! A guess only: etcd can be asked for two neighbouring pages at the same time when the border between them is known
//! before the first one is there. Nothing is lost when it is wrong, one page is then larger than the other.

/// Letters of a key that are looked at, after the prefix that all keys have.
const DEPTH: usize = 24;
/// Of how many keys one is looked at.
const SAMPLE: usize = 8;

/// The letters that have been seen at each place.
pub(crate) struct Letters {
    base: usize,
    seen: [[bool; 256]; DEPTH],
}

impl Letters {
    pub(crate) fn new(base: usize) -> Letters {
        Letters {
            base,
            seen: [[false; 256]; DEPTH],
        }
    }

    /// Letters of the prefix that all keys have.
    pub(crate) fn base(&self) -> usize {
        self.base
    }

    pub(crate) fn learn<'k>(&mut self, keys: impl Iterator<Item = &'k [u8]>) {
        for key in keys.step_by(SAMPLE) {
            for (letter, seen) in key.iter().skip(self.base).zip(&mut self.seen) {
                seen[usize::from(*letter)] = true;
            }
        }
    }

    /// The letters of a place in their order. Where one digit is, the others are, too; a single letter has a successor.
    fn alphabet(&self, place: usize) -> Vec<u8> {
        let seen = &self.seen[place];
        let digits = seen[usize::from(b'0')..=usize::from(b'9')].contains(&true);
        let mut letters: Vec<u8> = (0..=255_u8)
            .filter(|letter| seen[usize::from(*letter)] || digits && letter.is_ascii_digit())
            .collect();
        if let [letter] = letters[..] {
            letters.extend(letter.checked_add(1));
        }
        letters
    }

    /// Where a key lies among all that these letters can make: from 0 to 1.
    pub(crate) fn place(&self, key: &[u8]) -> f64 {
        let (mut place, mut unit) = (0.0, 1.0);
        for (depth, letter) in key.iter().skip(self.base).take(DEPTH).enumerate() {
            let letters = self.alphabet(depth);
            if letters.is_empty() {
                break;
            }
            unit /= count(letters.len());
            place += unit * count(letters.partition_point(|known| known < letter));
        }
        place
    }

    /// The key at a place; `None` after the end.
    pub(crate) fn key(&self, prefix: &[u8], mut place: f64) -> Option<Vec<u8>> {
        if !(0.0..1.0).contains(&place) {
            return None;
        }
        let mut key = prefix.to_vec();
        let mut unit = 1.0;
        for depth in 0..DEPTH {
            let letters = self.alphabet(depth);
            // What comes after the digits of the number is no information.
            if letters.is_empty() || unit < f64::EPSILON {
                break;
            }
            unit /= count(letters.len());
            place *= count(letters.len());
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to the number of letters"
            )]
            let chosen = (place as usize).min(letters.len() - 1);
            place -= count(chosen);
            key.push(letters[chosen]);
        }
        Some(key)
    }
}

#[expect(clippy::cast_precision_loss, reason = "at most 256")]
fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_guessed_before_their_digits_were_seen() {
        let keys: Vec<String> = (0..8000).map(|number| format!("a/{number:012}")).collect();
        let mut letters = Letters::new(2);
        letters.learn(keys.iter().map(String::as_bytes));
        let (first, last) = (
            letters.place(b"a/000000000000"),
            letters.place(b"a/000000008000"),
        );
        let guess =
            String::from_utf8(letters.key(b"a/", last + (last - first) * 10.0).unwrap()).unwrap();
        assert!(
            ("a/000000087000".."a/000000089000").contains(&guess.as_str()),
            "{guess}"
        );
        assert_eq!(letters.key(b"a/", 1.0), None);
    }

    #[test]
    fn a_key_that_was_seen_is_found_again() {
        let mut letters = Letters::new(0);
        let keys = [
            "pods/a",
            "pods/b",
            "secrets/x",
            "configmaps/k",
            "",
            "events/\u{e9}",
        ];
        for key in keys {
            letters.learn(std::iter::once(key.as_bytes()));
        }
        for key in keys {
            let again = letters.key(b"", letters.place(key.as_bytes())).unwrap();
            assert!(
                again.starts_with(&key.as_bytes()[..key.len().min(4)]),
                "{key}: {again:?}"
            );
        }
        assert_eq!(Letters::new(3).key(b"abc", 0.5), Some(b"abc".to_vec()));
    }
}
