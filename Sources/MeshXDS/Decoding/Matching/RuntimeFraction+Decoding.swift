// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

extension RuntimeFraction {
    /// Decodes a share that the runtime may change.
    /// - Returns: `nil`, with a problem, if it has no default.
    init?(
        _ message: Envoy_Config_Core_V3_RuntimeFractionalPercent,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        guard message.hasDefaultValue else {
            context.reject(path["default_value"], "is missing")
            return nil
        }
        guard let share = FractionalPercent(message.defaultValue, at: path["default_value"], &context) else {
            return nil
        }
        self.init(share, key: message.runtimeKey)
    }
}

extension Envoy_Config_Core_V3_RuntimeFractionalPercent {
    /// Encodes a share.
    init(_ fraction: RuntimeFraction) {
        self.init()
        defaultValue = Envoy_Type_V3_FractionalPercent(fraction.share)
        runtimeKey = fraction.key
    }
}
