// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@testable import MeshBalancing

@Suite("Hash functions")
struct HashFunctionTests {
    /// Envoy's test/common/common/hash_test.cc.
    @Test(arguments: [
        ("foo", 3_728_699_739_546_630_719), ("bar", 5_234_164_152_756_840_025), ("", 17_241_709_254_077_376_921),
    ])
    func `XXH64 gives Envoy's hashes`(text: String, expected: UInt64) {
        #expect(XXH64.hash(text) == expected)
        #expect(Array(text.utf8).withUnsafeBytes { HashFunction.xxHash.hash($0) } == expected)
    }

    /// By the package `xxhash` of PyPI.
    @Test(
        arguments: [
            ("foo", 14_071_536_367_944_281_277), ("127.0.0.1:90", 1_521_841_302_816_948_213),
            (String(repeating: "a", count: 40), 2_666_831_823_573_734_509),
        ] as [(String, UInt64)]
    )
    func `a seed gives other hashes`(text: String, expected: UInt64) {
        #expect(XXH64.hash(text, seed: 1) == expected)
    }

    /// Envoy's test/common/common/hash_test.cc; those of other lengths by `std::hash` of GCC's library.
    @Test(arguments: [
        ("foo", 9_631_199_822_919_835_226), ("", 6_142_509_188_972_423_790),
        ("12345678", 10_113_836_418_918_046_885), ("127.0.0.1:90_0", 5_656_417_760_668_758_976),
        ("a long text of more than thirty-two bytes", 12_887_922_277_687_892_287),
    ])
    func `MurmurHash2 gives Envoy's hashes`(text: String, expected: UInt64) {
        #expect(Array(text.utf8).withUnsafeBytes { HashFunction.murmurHash2.hash($0) } == expected)
    }

    /// C++'s standard: the ten thousandth number after the seed 5489 is 4123659995.
    @Test func `the twister is the standard's`() {
        var twister = MersenneTwister(seed: 5_489)
        for _ in 1..<10_000 { _ = twister.next() }
        #expect(twister.next() == 4_123_659_995)
    }

    /// As C++ draws them, in the way in which Envoy does.
    @Test(arguments: [(1, [0, 1, 5, 9, 0]), (0x89AB_CDEF, [0, 1, 3, 6, 146])] as [(UInt32, [UInt32])])
    func `numbers below a bound are Envoy's`(seed: UInt32, expected: [UInt32]) {
        var twister = MersenneTwister(seed: seed)
        #expect([1, 2, 7, 10, 1_000].map { twister.below($0) } == expected)
    }
}
