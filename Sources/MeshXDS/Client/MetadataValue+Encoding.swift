// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import SwiftProtobuf

extension MetadataValue {
    /// The value as protobuf's `Value`.
    var proto: Google_Protobuf_Value {
        switch self {
        case .text(let value): Google_Protobuf_Value(stringValue: value)
        case .number(let value): Google_Protobuf_Value(numberValue: value)
        case .boolean(let value): Google_Protobuf_Value(boolValue: value)
        case .fields(let value):
            Google_Protobuf_Value(structValue: Google_Protobuf_Struct(fields: value.mapValues(\.proto)))
        case .list(let value): Google_Protobuf_Value(listValue: .with { $0.values = value.map(\.proto) })
        case .null: .with { $0.nullValue = .nullValue }
        }
    }
}
