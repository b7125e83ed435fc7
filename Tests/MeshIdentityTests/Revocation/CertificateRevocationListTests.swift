// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import MeshCore
import SwiftASN1
import Testing
import X509

@testable import MeshIdentity

@Suite struct CertificateRevocationListTests {
    private let authority: TestAuthority

    init() throws {
        self.authority = try TestAuthority()
    }

    @Test func `a list that was made is read again`() throws {
        let (good, bad) = (try authority.leaf(), try authority.leaf())
        let made = try authority.revocationList(of: [bad], number: 258)
        let pem = try made.pem
        #expect(pem.hasPrefix("-----BEGIN X509 CRL-----"))
        let read = try #require(try CertificateRevocationList.lists(inPEM: pem + "\n" + pem).last)
        #expect(read == made)
        #expect(read.contains(bad.serialNumber))
        #expect(!read.contains(good.serialNumber))
        #expect(read.number == "0102")
        #expect(read.count == 1)
        #expect(read.isSigned(by: authority.certificate))
    }

    @Test(arguments: [-631_152_000.0, 0, 951_782_399, 951_868_800, 1_709_208_000, 2_524_607_999, 2_524_608_000, 4e9])
    func `times survive in both of their forms`(time: Double) throws {
        let date = Date(timeIntervalSince1970: time)
        let list = try authority.revocationList(of: [], from: date, to: date.addingTimeInterval(86_400))
        #expect(list.thisUpdate == date)
        #expect(list.nextUpdate == date.addingTimeInterval(86_400))
    }

    @Test func `another authority did not sign it, whatever its name`() throws {
        let list = try authority.revocationList(of: [])
        #expect(!list.isSigned(by: try TestAuthority().certificate))
        #expect(!list.isSigned(by: try TestAuthority(trustDomain: "other.example").certificate))
        // And again, from what is remembered.
        #expect(list.isSigned(by: authority.certificate))
        #expect(list.isSigned(by: authority.certificate))
    }

    @Test(arguments: [
        "", "garbage", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----",
        "-----BEGIN X509 CRL-----\n-----END X509 CRL-----",
    ])
    func `what is no list is refused`(text: String) {
        let error = #expect(throws: IdentityError.self) { try CertificateRevocationList.lists(inPEM: text) }
        #expect(error?.code == .malformedCertificate)
    }

    @Test func `a certificate is no list`() throws {
        let pem = try authority.pem
        #expect(throws: IdentityError.self) { try CertificateRevocationList.lists(inPEM: pem) }
    }

    /// The same list with more in its extensions.
    private func der(adding one: Certificate.Extension) throws -> [UInt8] {
        let plain = try authority.revocationList(of: [])
        let root = try DER.parse(try plain.der)
        guard case .constructed(let parts) = root.content else { return [] }
        var result = DER.Serializer()
        try result.appendConstructedNode(identifier: .sequence) { coder in
            for (position, part) in parts.enumerated() {
                guard position == 0, case .constructed(let fields) = part.content else {
                    coder.serialize(part)
                    continue
                }
                try coder.appendConstructedNode(identifier: .sequence) { coder in
                    for field in fields where field.identifier.tagClass == .universal { coder.serialize(field) }
                    try coder.serialize(explicitlyTaggedWithTagNumber: 0, tagClass: .contextSpecific) { coder in
                        try coder.serializeSequenceOf([one])
                    }
                }
            }
        }
        return result.serializedBytes
    }

    @Test(arguments: [[2, 5, 29, 28], [2, 5, 29, 27], [1, 2, 3]] as [ASN1ObjectIdentifier])
    func `a list that is about part of the certificates only is refused`(oid: ASN1ObjectIdentifier) throws {
        let value: [UInt8] = [0x30, 0x00]
        let harmless = try der(adding: Certificate.Extension(oid: oid, critical: false, value: value[...]))
        _ = try CertificateRevocationList(der: harmless)
        let critical = try der(adding: Certificate.Extension(oid: oid, critical: true, value: value[...]))
        #expect(throws: IdentityError.self) { try CertificateRevocationList(der: critical) }
    }

    @Test func `damaged lists are refused or unsigned, and never crash`() throws {
        let random = MeshRandom(seed: 11)
        let made = try authority.revocationList(of: [authority.leaf(), authority.leaf()])
        let valid = try made.der
        for _ in 0..<5000 {
            var bytes = valid
            switch random.below(3) {
            case 0: bytes.removeLast(Int(random.below(UInt64(bytes.count))))
            case 1: bytes.insert(UInt8(random.below(256)), at: Int(random.below(UInt64(bytes.count))))
            default: bytes[Int(random.below(UInt64(bytes.count)))] ^= UInt8(1 + random.below(255))
            }
            guard let list = try? CertificateRevocationList(der: bytes) else { continue }
            #expect(!list.isSigned(by: authority.certificate) || list.signedBytes == made.signedBytes)
        }
    }
}
