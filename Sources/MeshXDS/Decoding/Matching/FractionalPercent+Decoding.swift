// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension FractionalPercent {
    /// Decodes a share.
    /// - Returns: `nil`, with a problem, if its denominator is unknown.
    init?(_ message: Envoy_Type_V3_FractionalPercent, at path: FieldPath, _ context: inout DecodingContext) {
        let denominator: Denominator
        switch message.denominator {
        case .hundred: denominator = .hundred
        case .tenThousand: denominator = .tenThousand
        case .million: denominator = .million
        case .UNRECOGNIZED(let value):
            context.reject(path["denominator"], "\(value) is unknown")
            return nil
        }
        self.init(numerator: message.numerator, denominator: denominator)
    }

    /// Whether every request belongs to the share.
    var isAll: Bool { numerator >= denominator.rawValue }
}

extension Envoy_Type_V3_FractionalPercent {
    /// Encodes a share.
    init(_ percent: FractionalPercent) {
        self.init()
        numerator = percent.numerator
        denominator =
            switch percent.denominator {
            case .hundred: .hundred
            case .tenThousand: .tenThousand
            case .million: .million
            }
    }
}
