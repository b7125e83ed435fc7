// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import MeshXDS

extension RuntimeValue {
    /// Reads a value of Envoy's runtime: a whole number, a truth value, or a fraction.
    init?(_ node: DocumentNode) {
        if let number = node.number {
            self = .integer(UInt64(max(0, number)))
        } else if let numerator = node["numerator"]?.number {
            let denominator: FractionalPercent.Denominator =
                switch node["denominator"]?.text {
                case "MILLION": .million
                case "TEN_THOUSAND": .tenThousand
                default: .hundred
                }
            self = .fraction(FractionalPercent(numerator: UInt32(clamping: numerator), denominator: denominator))
        } else if case .boolean(let value) = node.value {
            self = .boolean(value)
        } else {
            return nil
        }
    }
}
