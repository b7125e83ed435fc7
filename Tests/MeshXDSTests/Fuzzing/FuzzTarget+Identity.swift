// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshSecurity
import SwiftProtobuf

@testable import MeshXDS

extension FuzzTarget {
    /// What agents and authorities send, and the names in it.
    static let identity: [FuzzTarget] = [
        FuzzTarget("workload-api", .message, samples: workloadAnswers) { bytes in
            let material = try X509SVIDResponse(serializedBytes: bytes).material(for: "spiffe://cluster.local/reviews")
            let isNamed = material.roots["cluster.local"]?.isEmpty == false
            try FuzzViolation.require(isNamed, "an identity without roots of its own domain is accepted")
            let isHidden = !"\(material)".contains("PRIVATE KEY")
            try FuzzViolation.require(isHidden, "a key is printed")
        },
        FuzzTarget("workload-api-address", .text, samples: workloadAddresses) { bytes in
            let address = try WorkloadAPIAddress(String(decoding: bytes, as: UTF8.self)).endpoint
            let isLocal = address.port == nil ? address.host.hasPrefix("/") : IPAddress(address.host) != nil
            try FuzzViolation.require(isLocal, "\(address) is accepted")
        },
        FuzzTarget("spiffe-id", .text, samples: ["spiffe://a/ns/b/sa/c", "spiffe://a.b-c_d"].map { Array($0.utf8) }) {
            bytes in
            let text = String(decoding: bytes, as: UTF8.self)
            let isSame = try SPIFFEID(text).description == text
            try FuzzViolation.require(isSame, "an identity changes when it is read")
        },
        FuzzTarget(
            "der-documents",
            .bytes,
            samples: [[0x30, 0x02, 0x05, 0x00, 0x30, 0x81, 0x80] + [UInt8](repeating: 1, count: 128)]
        ) {
            bytes in
            guard let documents = DERDocuments.split(bytes) else {
                throw ConfigurationError(path: "", "not in DER")
            }
            let isWhole = Array(documents.joined()) == bytes
            try FuzzViolation.require(isWhole, "documents are not what they were cut from")
        },
    ]

    private static var workloadAnswers: [[UInt8]] {
        let document: [UInt8] = [0x30, 0x03, 0x02, 0x01, 0x07]
        let answer = X509SVIDResponse.with { answer in
            answer.svids = [
                .with {
                    $0.spiffeID = "spiffe://cluster.local/reviews"
                    $0.x509Svid = .init(document + document)
                    $0.x509SvidKey = .init(document)
                    $0.bundle = .init(document)
                }
            ]
            answer.crl = [.init(document)]
            answer.federatedBundles = ["spiffe://other.example": .init(document)]
        }
        let bytes: [UInt8]? = try? answer.serializedBytes()
        return bytes.map { [$0] } ?? []
    }

    private static var workloadAddresses: [[UInt8]] {
        ["unix:///run/spire/agent.sock", "unix:/a", "tcp://127.0.0.1:8000", "tcp://[::1]:80"].map { Array($0.utf8) }
    }
}
