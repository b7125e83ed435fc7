// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Testing

@testable import MeshManifests

@Suite("Base64")
struct Base64Tests {
    @Test(
        arguments: [
            // The vectors of RFC 4648 §10.
            ("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"), ("Zg", "f"), ("Zm8", "fo"), ("Zm9v\nYmFy\r\n", "foobar"), ("w7_Dvw", "ÿÿ"),
            ("w7/Dvw==", "ÿÿ"), ("PD8+", "<?>"), ("PD8-", "<?>"),
        ]
    )
    func `reads both alphabets with and without padding`(text: String, expected: String) {
        #expect(Base64.decode(text) == Array(expected.utf8))
    }

    @Test(
        arguments: ["Z", "Zg=", "Zg===", "Zm9v=", "Zm9v==", "Z=g=", "Zm9vY", "Zm9 v", "Zm9v!", "=", "====", "ä"]
    )
    func `refuses what is no base64`(text: String) {
        #expect(Base64.decode(text) == nil)
    }
}
