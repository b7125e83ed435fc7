// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import SwiftProtobuf

extension ResourceEncoder {
    /// Encodes a layer of the runtime, with its keys as they are: a dot in one means what a level means.
    func runtimeLayer(_ layer: RuntimeLayer) -> Envoy_Service_Runtime_V3_Runtime {
        .with { message in
            message.name = layer.name
            message.layer.fields = layer.values.mapValues { Google_Protobuf_Value($0) }
        }
    }
}

extension Google_Protobuf_Value {
    fileprivate init(_ value: RuntimeValue) {
        switch value {
        case .boolean(let value): self.init(boolValue: value)
        case .number(let number): self.init(numberValue: number)
        case .text(let text): self.init(stringValue: text)
        case .integer(let number):
            // JSON's numbers hold whole ones up to 2⁵³; Envoy reads greater ones from a text.
            if let exact = Double(exactly: number) {
                self.init(numberValue: exact)
            } else {
                self.init(stringValue: "\(number)")
            }
        case .fraction(let share):
            let denominator =
                switch share.denominator {
                case .hundred: "HUNDRED"
                case .tenThousand: "TEN_THOUSAND"
                case .million: "MILLION"
                }
            var fields = Google_Protobuf_Struct()
            fields.fields["numerator"] = Google_Protobuf_Value(numberValue: Double(share.numerator))
            fields.fields["denominator"] = Google_Protobuf_Value(stringValue: denominator)
            self.init(structValue: fields)
        }
    }
}
