// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

@Suite struct XXH64Tests {
    static let known: [(String, UInt64)] = [
        ("", 17_241_709_254_077_376_921), ("foo", 3_728_699_739_546_630_719), ("bar", 5_234_164_152_756_840_025),
    ]

    @Test(arguments: known)
    func `hashes are those of Envoy's own tests`(text: String, expected: UInt64) {
        #expect(XXH64.hash(text) == expected)
    }

    /// Each way through the function is taken by one of them.
    @Test(arguments: XXH64Vectors.ofCountingBytes)
    func `hashes of every length are the reference's`(count: Int, expected: UInt64) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        #expect(bytes.withUnsafeBytes { XXH64.hash(bytes: $0) } == expected)
    }

    @Test func `a part of a string hashes like a string of its own`() {
        #expect(XXH64.hash("xfoo".dropFirst()) == 3_728_699_739_546_630_719)
    }
}
