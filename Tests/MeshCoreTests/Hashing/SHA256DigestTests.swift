// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import Testing

struct SHA256DigestTests {
    @Test(
        arguments: [
            // FIPS 180-4's examples, as NIST publishes them.
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                String(repeating: "a", count: 1_000_000),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
            ),
        ]
    )
    func `texts have the published hashes`(text: String, hash: String) {
        let digits = SHA256Digest.hash(text.utf8).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }
        #expect(digits.joined() == hash)
    }
}
