// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshRouting
import SwiftProtobuf

/// Changes of headers as a filter (`envoy.extensions.filters.http.header_mutation.v3`).
struct HeaderMutationCodec: HTTPFilterCodec {
    private typealias Message = Envoy_Extensions_Filters_Http_HeaderMutation_V3_HeaderMutation
    private typealias Override = Envoy_Extensions_Filters_Http_HeaderMutation_V3_HeaderMutationPerRoute
    private static let read = ReadFields(Message.self, "mutations", "most_specific_header_mutations_wins")
    private static let readOverride = ReadFields(Override.self, "mutations")

    var typeName: String { Message.protoMessageName }
    var overrideTypeName: String { Override.protoMessageName }

    func decode(_ message: Google_Protobuf_Any, at path: FieldPath, _ context: inout DecodingContext) -> HTTPFilter? {
        guard let message = context.unpack(message, as: Message.self, at: path) else { return nil }
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard let rules = HeaderMutationRules(message.mutations, at: path["mutations"], &context) else { return nil }
        return .headerMutation(
            HeaderMutationFilter(rules, mostSpecificWins: message.mostSpecificHeaderMutationsWins)
        )
    }

    func decodeOverride(
        _ message: Google_Protobuf_Any,
        at path: FieldPath,
        into overrides: inout RouteOverrides,
        _ context: inout DecodingContext
    ) {
        guard let message = context.unpack(message, as: Override.self, at: path) else { return }
        context.ignoreOthers(in: message, at: path, read: Self.readOverride)
        guard let rules = HeaderMutationRules(message.mutations, at: path["mutations"], &context) else { return }
        overrides.filters.headerMutation = .settings(rules)
    }

    func disable(at path: FieldPath, in overrides: inout RouteOverrides, _ context: inout DecodingContext) {
        overrides.filters.headerMutation = .disabled
    }

    func encode(_ filter: HTTPFilter) throws -> Google_Protobuf_Any? {
        guard case .headerMutation(let filter) = filter else { return nil }
        var message = Message()
        message.mutations = .init(filter.rules)
        message.mostSpecificHeaderMutationsWins = filter.mostSpecificWins
        return try Google_Protobuf_Any(packing: message)
    }

    /// A place's own changes.
    static func encoded(_ rules: HeaderMutationRules) throws -> Google_Protobuf_Any {
        var message = Override()
        message.mutations = .init(rules)
        return try Google_Protobuf_Any(packing: message)
    }
}

extension HeaderMutationRules {
    private static let read = ReadFields(
        Envoy_Extensions_Filters_Http_HeaderMutation_V3_Mutations.self,
        "request_mutations",
        "response_mutations"
    )

    fileprivate init?(
        _ message: Envoy_Extensions_Filters_Http_HeaderMutation_V3_Mutations,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard
            let requests = Self.rules(message.requestMutations, at: path, "request_mutations", &context),
            let responses = Self.rules(message.responseMutations, at: path, "response_mutations", &context)
        else { return nil }
        self.init(request: requests, response: responses)
    }

    private static func rules(
        _ messages: [Envoy_Config_Common_MutationRules_V3_HeaderMutation],
        at path: FieldPath,
        _ field: String,
        _ context: inout DecodingContext
    ) -> [HeaderMutationRule]? {
        var rules: [HeaderMutationRule] = []
        for (position, message) in messages.enumerated() {
            let path = path[field, position]
            switch message.action {
            case .remove(let text):
                guard let name = context.headerName(text, at: path["remove"]) else { return nil }
                rules.append(.remove(name))
            case .append(let option):
                guard let addition = HeaderAddition(option, at: path["append"], &context) else { return nil }
                rules.append(.add(addition))
            case .removeOnMatch: context.ignore(path["remove_on_match"])
            case nil:
                context.reject(path, "has no change that is supported")
                return nil
            }
        }
        return rules
    }
}

extension Envoy_Extensions_Filters_Http_HeaderMutation_V3_Mutations {
    fileprivate init(_ rules: HeaderMutationRules) {
        self.init()
        requestMutations = rules.request.map { .init($0) }
        responseMutations = rules.response.map { .init($0) }
    }
}

extension Envoy_Config_Common_MutationRules_V3_HeaderMutation {
    fileprivate init(_ rule: HeaderMutationRule) {
        self.init()
        switch rule {
        case .remove(let name): remove = name.lowercased
        case .add(let addition): append = Envoy_Config_Core_V3_HeaderValueOption(addition)
        }
    }
}
