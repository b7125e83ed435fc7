// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import NIOSSL

@testable import MeshXDS

extension FuzzTarget {
    /// What peers show in handshakes, and the lists of what was taken back.
    static let certificates: [FuzzTarget] = [
        FuzzTarget("certificate", .bytes, samples: certificateSamples) { bytes in
            let certificate = try ParsedCertificate(der: bytes)
            let peer = certificate.peer
            let names = peer.uriNames + peer.dnsNames + peer.emailNames
            // Half of a name must not pass for another one.
            try FuzzViolation.require(
                names.allSatisfy { $0.utf8.allSatisfy { $0 > 0 && $0 < 0x80 } },
                "a name is no ASCII"
            )
            try FuzzViolation.require(try ParsedCertificate(der: bytes) == certificate, "it reads differently twice")
            let any = PeerNameMatcher(nil, StringMatcher(.prefix("")))
            let isNamed = !names.isEmpty || !peer.addressNames.isEmpty
            try FuzzViolation.require(peer.hasName(of: [any]) == isNamed, "a name that is not there is meant")
        },
        FuzzTarget("revocation-list", .bytes, samples: revocationSamples) { bytes in
            _ = try IssuerRevocations(der: [bytes])
        },
        FuzzTarget(
            "revocation-lists",
            .text,
            samples: revocationLists.map { Array($0.utf8) } + [Array(revocationLists.joined(separator: "\n").utf8)]
        ) { bytes in
            _ = try IssuerRevocations(pem: String(decoding: bytes, as: UTF8.self))
        },
        FuzzTarget(
            "host-name",
            .text,
            samples: ["a.example *.example", "foo.example f*o.example"].map { Array($0.utf8) }
        ) { bytes in
            let parts = String(decoding: bytes, as: UTF8.self).split(separator: " ", omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw ConfigurationError(path: "", "not two names") }
            let (host, name) = (String(parts[0]), String(parts[1]))
            let isMeant = PeerNameMatcher(.dns, StringMatcher(.exact(host))).matches(name, of: .dns)
            // A star stands for a part of one label: as many dots on both sides.
            let dots = [host, name].map { $0.utf8.count { $0 == UInt8(ascii: ".") } }
            try FuzzViolation.require(!isMeant || dots[0] == dots[1], "\(name) is taken for \(host)")
        },
    ]

    /// Two lists as OpenSSL makes them: of two certificates, one of them with a reason, and of none.
    private static let revocationLists = [
        """
        -----BEGIN X509 CRL-----
        MIHzMIGaAgEBMAoGCCqGSM49BAMCMCAxDTALBgNVBAoMBHRlc3QxDzANBgNVBAMM
        Bmlzc3VlchcNMjYxMTIzMTMwODA5WhgPMjEyNjEwMzAxMzA4MDlaMDcwEgIBdxcN
        MjYxMTAxMDAwMDAwWjAhAgIKGxcNMjYxMTAxMDAwMDAwWjAMMAoGA1UdFQQDCgEB
        oA4wDDAKBgNVHRQEAwIBATAKBggqhkjOPQQDAgNIADBFAiEAvklEBi0KV0BCoWby
        6OzCRgOJKrOwpp7rkI3m7lGG/LMCICRTU0ayiCe/NUKWzlXs2jgMek8LX+vyKibu
        lXBOsyCz
        -----END X509 CRL-----
        """,
        """
        -----BEGIN X509 CRL-----
        MIG5MGECAQEwCgYIKoZIzj0EAwIwIDENMAsGA1UECgwEdGVzdDEPMA0GA1UEAwwG
        aXNzdWVyFw0yNjExMjMxMzA4MDlaGA8yMTI2MTAzMDEzMDgwOVqgDjAMMAoGA1Ud
        FAQDAgECMAoGCCqGSM49BAMCA0gAMEUCIQD5XrHjxxmKN0EyxvjQ4nz1U64Uga8k
        2vNHGSH9lIfHDAIgctJQNS4TImcARtsRWGa/XeHgSk0C8HEINJrOV9cbEs8=
        -----END X509 CRL-----
        """,
    ]

    private static var revocationSamples: [[UInt8]] {
        revocationLists.compactMap { text in
            Base64.decoded(text.split(separator: "\n").dropFirst().dropLast().joined())
        }
    }

    private static var certificateSamples: [[UInt8]] {
        let texts = [TestCertificates.first.chain, TestCertificates.server.chain, TestCertificates.authority]
        return texts.compactMap { text in
            let certificates = try? NIOSSLCertificate.fromPEMBytes(Array(text.utf8))
            return try? certificates?.first?.toDERBytes()
        }
    }
}
