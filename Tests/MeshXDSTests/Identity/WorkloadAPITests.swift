// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf
import Testing

@testable import MeshXDS

@Suite struct WorkloadAPITests {
    private static let name = "spiffe://cluster.local/reviews"
    /// A sequence with a number in it: what a certificate looks like from afar.
    private static func document(_ number: UInt8) -> [UInt8] { [0x30, 0x03, 0x02, 0x01, number] }

    private func answer(_ change: (inout X509SVIDResponse) -> Void = { _ in }) -> X509SVIDResponse {
        var answer = X509SVIDResponse.with { answer in
            answer.svids = [
                .with { $0.spiffeID = "spiffe://cluster.local/ratings" },
                .with {
                    $0.spiffeID = Self.name
                    $0.x509Svid = .init(Self.document(1) + Self.document(2))
                    $0.x509SvidKey = .init(Self.document(3))
                    $0.bundle = .init(Self.document(4))
                },
            ]
            answer.federatedBundles = ["spiffe://other.example": .init(Self.document(5) + Self.document(6))]
        }
        change(&answer)
        return answer
    }

    @Test("the identity that is asked for is found among several, with its chain, key and bundles")
    func material() throws {
        let material = try answer().material(for: Self.name)
        let begin = "-----BEGIN CERTIFICATE-----"
        #expect(material.certificate.chain.split(separator: "\n").filter { $0 == begin }.count == 2)
        #expect(
            material.certificate.privateKey.revealed
                == "-----BEGIN PRIVATE KEY-----\nMAMCAQM=\n-----END PRIVATE KEY-----\n"
        )
        #expect(material.roots.keys.sorted() == ["cluster.local", "other.example"])
        #expect(material.revocationLists.isEmpty)
        let withList = try answer { $0.crl = [.init(Self.document(7))] }.material(for: Self.name)
        #expect(withList.revocationLists["cluster.local"]?.hasPrefix("-----BEGIN X509 CRL-----") == true)
    }

    @Test("whatever is missing or cut off is refused with its field")
    func refusals() {
        let bad: [(String, (inout X509SVIDResponse) -> Void)] = [
            ("svids", { $0.svids = [] }),
            ("svids", { $0.svids.removeLast() }),
            ("svids[1].x509_svid", { $0.svids[1].x509Svid = .init([]) }),
            ("svids[1].x509_svid", { $0.svids[1].x509Svid.removeLast() }),
            ("svids[1].x509_svid_key", { $0.svids[1].x509SvidKey = .init(Self.document(1) + Self.document(2)) }),
            ("svids[1].bundle", { $0.svids[1].bundle = .init([0x30, 0x80, 0x00, 0x00]) }),
            ("federated_bundles[spiffe://x]", { $0.federatedBundles["spiffe://x"] = .init([1, 2, 3]) }),
            ("crl[0]", { $0.crl = [.init([])] }),
        ]
        for (path, change) in bad {
            let error = #expect(throws: ConfigurationError.self) { try answer(change).material(for: Self.name) }
            #expect(error?.problems.map(\.path) == [path])
        }
    }

    @Test(
        "addresses are those of the standard",
        arguments: [
            ("unix:///run/spire/agent.sock", "/run/spire/agent.sock"), ("unix:/a", "/a"),
            ("tcp://127.0.0.1:8000", "127.0.0.1"),
            ("tcp://[::1]:80", "::1"),
        ]
    )
    func addresses(text: String, host: String) throws {
        #expect(try WorkloadAPIAddress(text).endpoint.host == host)
    }

    @Test(
        "other addresses are refused",
        arguments: [
            "", "/run/agent.sock", "unix:", "unix://", "unix:agent.sock", "unix://host/path?x=1", "tcp://localhost:80",
            "tcp://127.0.0.1", "tcp://127.0.0.1:0", "tcp://127.0.0.1:99999", "http://127.0.0.1:80", "unix:///a#b",
            "unix:///a b",
        ]
    )
    func otherAddresses(text: String) {
        #expect(throws: ConfigurationError.self) { try WorkloadAPIAddress(text) }
    }
}
