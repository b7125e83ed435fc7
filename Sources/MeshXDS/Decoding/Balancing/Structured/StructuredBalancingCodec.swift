// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshConfig
import MeshCore
import SwiftProtobuf

/// A policy that the API has no message for. It comes as a `xds.type.v3.TypedStruct`, or the older `udpa.type.v1.TypedStruct`,
/// whose `type_url` names it and whose `value` has its settings (gRFC A52).
protocol StructuredBalancingCodec: LoadBalancingCodec {
    associatedtype Policy: LoadBalancingPolicy

    /// What `type_url` ends with.
    static var structName: String { get }

    /// Reads the settings; what is left out keeps its default.
    static func policy(_ settings: inout StructSettings, _ context: inout DecodingContext) -> Policy

    /// The settings in words and numbers.
    static func settings(of policy: Policy) -> [String: Google_Protobuf_Value]
}

extension StructuredBalancingCodec {
    var typeName: String { StructuredPolicyName.text(Self.structName) }

    func decode(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        depth: Int,
        _ context: inout DecodingContext
    ) -> Cluster.LoadBalancing? {
        // The older message has the same fields under the same numbers.
        guard let message = context.unpack(message, as: Xds_Type_V3_TypedStruct.self, at: path) else { return nil }
        context.ignoreOthers(in: message, at: path, read: StructuredPolicyName.read)
        let problems = context.problems.count
        var settings = StructSettings(message.value, at: path["value"])
        let policy = Self.policy(&settings, &context)
        settings.ignoreOthers(&context)
        guard context.problems.count == problems else { return nil }
        return context.attempt(path["value"]) { () throws(ConfigurationError) in
            try policy.validate()
            return Cluster.LoadBalancing(policy)
        }
    }

    func encode(_ policy: any LoadBalancingPolicy) throws -> Google_Protobuf_Any? {
        guard let policy = policy as? Policy else { return nil }
        var message = Xds_Type_V3_TypedStruct()
        message.typeURL = "type.googleapis.com/" + Self.structName
        message.value.fields = Self.settings(of: policy)
        return try Google_Protobuf_Any(packing: message)
    }

    /// Nobody else knows it.
    func offer(_ policy: any LoadBalancingPolicy, to dialect: Dialect) -> LoadBalancingOffer? {
        policy is Policy ? .refused : nil
    }
}

/// How policies without messages are told apart.
enum StructuredPolicyName {
    static let read = ReadFields(Xds_Type_V3_TypedStruct.self, "type_url", "value")

    /// The name of what a structure stands for.
    static func text(_ structName: String) -> String { "xds.type.v3.TypedStruct of \(structName)" }

    /// The name under which the registry has the codec of a policy: that of its message, or of what a structure stands for.
    static func name(of config: Google_Protobuf_Any) -> String {
        let inner = inner(config)
        return inner == typeName(ofTypeURL: config.typeURL) ? inner : text(inner)
    }

    /// The name of a message, or of what a structure stands for.
    static func inner(_ config: Google_Protobuf_Any) -> String {
        let name = typeName(ofTypeURL: config.typeURL)
        let structures = [Xds_Type_V3_TypedStruct.protoMessageName, Udpa_Type_V1_TypedStruct.protoMessageName]
        guard structures.contains(name),
            let message = try? Xds_Type_V3_TypedStruct(serializedBytes: config.bytes)
        else { return name }
        return typeName(ofTypeURL: message.typeURL)
    }
}
