// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import Foundation
import X509

@testable import MeshIdentity

extension TestAuthority {
    /// A list of certificates that this authority takes back.
    func revocationList(
        of certificates: [Certificate],
        number: UInt64 = 1,
        from thisUpdate: Date = Date(timeIntervalSinceNow: -60),
        to nextUpdate: Date = Date(timeIntervalSinceNow: 3600)
    ) throws -> CertificateRevocationList {
        try CertificateRevocationList(
            of: certificates.map {
                CertificateRevocationList.Entry(serialNumber: $0.serialNumber, revokedAt: thisUpdate)
            },
            number: number,
            thisUpdate: thisUpdate,
            nextUpdate: nextUpdate,
            authority: certificate,
            key: Certificate.PrivateKey(key)
        )
    }
}
