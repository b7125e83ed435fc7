// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import SwiftProtobuf

extension RouteOverrides {
    private static let read = ReadFields(
        Envoy_Config_Route_V3_FilterConfig.self,
        "config",
        "is_optional",
        "disabled"
    )

    /// Decodes the settings of filters for a route (gRFC A39): bare, or in a `FilterConfig`.
    ///
    /// A filter that is not known is an error unless it is optional, since the route would do something else without.
    init(_ messages: [String: Google_Protobuf_Any], at path: FieldPath, _ context: inout DecodingContext) {
        self.init()
        for (name, message) in messages.sorted(by: { $0.key < $1.key }) {
            add(message, named: name, at: path["typed_per_filter_config", key: name], &context)
        }
    }

    private mutating func add(
        _ message: Google_Protobuf_Any,
        named name: String,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        var settings = message
        var isOptional = false
        var isDisabled = false
        if typeName(ofTypeURL: message.typeURL) == Envoy_Config_Route_V3_FilterConfig.protoMessageName {
            guard let wrapper = context.unpack(message, as: Envoy_Config_Route_V3_FilterConfig.self, at: path) else {
                return
            }
            context.ignoreOthers(in: wrapper, at: path, read: Self.read)
            settings = wrapper.config
            isOptional = wrapper.isOptional
            isDisabled = wrapper.disabled
        }
        // Whoever only switches a filter off names it, and says nothing about its settings.
        let type =
            settings.typeURL.isEmpty && isDisabled
            ? FilterNames.type(named: name) ?? name : typeName(ofTypeURL: settings.typeURL)
        guard let codec = context.registry.filter(type) else {
            if isOptional || isDisabled {
                context.ignore(path, "the filter \(type) is not supported")
            } else {
                context.reject(path, "the filter \(type) is not supported")
            }
            return
        }
        filterName = name
        if isDisabled {
            codec.disable(at: path, in: &self, &context)
        } else {
            codec.decodeOverride(settings, at: path, into: &self, &context)
        }
    }

    /// Takes what `other` says; the rest stays.
    mutating func add(_ other: RouteOverrides) {
        fault = other.fault ?? fault
        rateLimit = other.rateLimit ?? rateLimit
        cors = other.cors?.completed(by: cors) ?? cors
        policies = other.policies.completed(by: policies)
    }
}
