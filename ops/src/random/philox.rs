//! Philox4x64-10, the generator behind every draw: a keyed bijection of counters (Salmon, Moraes, Dror and Shaw,
//! "Parallel random numbers: as easy as 1, 2, 3", 2011).

/// The multipliers of a round.
const MULTIPLIERS: [u64; 2] = [0xD2E7_470E_E14C_6C93, 0xCA5A_8263_9512_1157];
/// What the key grows by from round to round.
const WEYL: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xBB67_AE85_84CA_A73B];
const ROUNDS: usize = 10;

/// Four random words for a counter and a key.
pub(super) fn block(counter: [u64; 4], key: [u64; 2]) -> [u64; 4] {
    let ([mut c0, mut c1, mut c2, mut c3], [mut k0, mut k1]) = (counter, key);
    for _ in 0..ROUNDS {
        let first = u128::from(MULTIPLIERS[0]) * u128::from(c0);
        let second = u128::from(MULTIPLIERS[1]) * u128::from(c2);
        (c0, c1, c2, c3) =
            ((second >> 64) as u64 ^ c1 ^ k0, second as u64, (first >> 64) as u64 ^ c3 ^ k1, first as u64);
        (k0, k1) = (k0.wrapping_add(WEYL[0]), k1.wrapping_add(WEYL[1]));
    }
    [c0, c1, c2, c3]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors that the authors publish (`kat_vectors` of Random123).
    #[test]
    fn the_published_vectors() {
        let zeros = [0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b];
        assert_eq!(block([0; 4], [0; 2]), zeros);
        let ones = [0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0];
        assert_eq!(block([u64::MAX; 4], [u64::MAX; 2]), ones);
        let pi = [0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89];
        let digits = [0xa528f45403e61d95, 0x38c72dbd566e9788, 0xa5a1610e72fd18b5, 0x57bd43b5e52b7fe6];
        assert_eq!(block(pi, [0x452821e638d01377, 0xbe5466cf34e90c6c]), digits);
    }
}
