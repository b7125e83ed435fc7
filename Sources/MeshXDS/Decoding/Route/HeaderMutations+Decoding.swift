// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshRouting
import SwiftProtobuf

/// A message with the four fields that change headers; the route table has them at every level.
protocol HeaderMutating {
    var requestHeadersToAdd: [Envoy_Config_Core_V3_HeaderValueOption] { get set }
    var requestHeadersToRemove: [String] { get set }
    var responseHeadersToAdd: [Envoy_Config_Core_V3_HeaderValueOption] { get set }
    var responseHeadersToRemove: [String] { get set }
}

extension Envoy_Config_Route_V3_RouteConfiguration: HeaderMutating {}
extension Envoy_Config_Route_V3_VirtualHost: HeaderMutating {}
extension Envoy_Config_Route_V3_Route: HeaderMutating {}
extension Envoy_Config_Route_V3_WeightedCluster.ClusterWeight: HeaderMutating {}

extension HeaderMutations {
    /// Envoy's bound for each list of additions.
    private static let maximumAdditions = 1000

    /// Decodes the changes of headers at one level.
    /// - Returns: `nil`, with a problem, if one of them is bad.
    init?(_ message: some HeaderMutating, at path: FieldPath, _ context: inout DecodingContext) {
        for (field, additions) in [
            ("request_headers_to_add", message.requestHeadersToAdd),
            ("response_headers_to_add", message.responseHeadersToAdd),
        ] where additions.count > Self.maximumAdditions {
            context.reject(path[field], "must have at most \(Self.maximumAdditions) elements, has \(additions.count)")
            return nil
        }
        let requests = context.list(
            message.requestHeadersToAdd,
            at: path,
            "request_headers_to_add",
            HeaderAddition.init
        )
        let removedOfRequests = context.list(message.requestHeadersToRemove, at: path, "request_headers_to_remove") {
            $2.changeableName($0, at: $1)
        }
        let responses = context.list(
            message.responseHeadersToAdd,
            at: path,
            "response_headers_to_add",
            HeaderAddition.init
        )
        let removedOfResponses = context.list(message.responseHeadersToRemove, at: path, "response_headers_to_remove") {
            $2.changeableName($0, at: $1)
        }
        guard let requests, let removedOfRequests, let responses, let removedOfResponses else { return nil }
        self.init(
            requestAdditions: requests,
            requestRemovals: removedOfRequests,
            responseAdditions: responses,
            responseRemovals: removedOfResponses
        )
    }
}

extension DecodingContext {
    /// The name of a header that configuration may change: neither a pseudo header nor `host`.
    /// - Returns: `nil`, with a problem, if it is none.
    mutating func changeableName(_ text: String, at path: FieldPath) -> HeaderName? {
        guard let name = headerName(text, at: path) else { return nil }
        guard !name.lowercased.hasPrefix(":"), name.lowercased != "host" else {
            reject(path, "\(name) may not be changed")
            return nil
        }
        return name
    }

    /// Whether a text may be a field's value: it has neither NUL nor a line break, behind which a field of the text's own
    /// would begin (Envoy's `HTTP_HEADER_VALUE`, not strict).
    mutating func requireFieldValue(_ text: String, at path: FieldPath) -> Bool {
        guard text.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }) else {
            return true
        }
        reject(path, "has a line break or NUL, which no header may have")
        return false
    }
}

extension HeaderAddition {
    private static let read = ReadFields(
        Envoy_Config_Core_V3_HeaderValueOption.self,
        "header",
        "append",
        "append_action",
        "keep_empty_value"
    )
    /// Envoy's bound for names and values, in bytes.
    private static let maximumLength = 16_384

    /// Decodes a header that is added.
    /// - Returns: `nil`, with a problem, if its name or its value's format is bad.
    init?(
        _ message: Envoy_Config_Core_V3_HeaderValueOption,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        guard context.require(name: message.header.key, atMost: Self.maximumLength, at: path["header"]["key"]),
            let name = context.changeableName(message.header.key, at: path["header"]["key"]),
            let action = Action(message, at: path, &context)
        else { return nil }
        let raw = message.header.rawValue
        guard raw.isEmpty || message.header.value.isEmpty else {
            context.reject(path["header"], "has both value and raw_value")
            return nil
        }
        let field = path["header"][raw.isEmpty ? "value" : "raw_value"]
        // Envoy carries any bytes; values are texts here, and other bytes would silently become others.
        guard let text = raw.isEmpty ? message.header.value : String(validating: raw, as: UTF8.self) else {
            context.reject(field, "is not UTF-8")
            return nil
        }
        guard text.utf8.count <= Self.maximumLength else {
            context.reject(field, "must be at most \(Self.maximumLength) bytes, has \(text.utf8.count)")
            return nil
        }
        guard context.requireFieldValue(text, at: field) else { return nil }
        guard
            let value = context.attempt(field, { () throws(ConfigurationError) in try HeaderFormat(text) })
        else { return nil }
        self.init(name, value, action: action, keepsEmptyValue: message.keepEmptyValue)
    }
}

extension HeaderAddition.Action {
    /// Decodes what happens where the field is there already, in its present form or the older one.
    fileprivate init?(
        _ message: Envoy_Config_Core_V3_HeaderValueOption,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        if message.hasAppend {
            guard message.appendAction == .appendIfExistsOrAdd else {
                context.reject(path["append"], "may not stand beside append_action")
                return nil
            }
            self = message.append.value ? .appendIfExistsOrAdd : .overwriteIfExistsOrAdd
            return
        }
        switch message.appendAction {
        case .appendIfExistsOrAdd: self = .appendIfExistsOrAdd
        case .addIfAbsent: self = .addIfAbsent
        case .overwriteIfExistsOrAdd: self = .overwriteIfExistsOrAdd
        case .overwriteIfExists: self = .overwriteIfExists
        case .UNRECOGNIZED(let value):
            context.reject(path["append_action"], "\(value) is unknown")
            return nil
        }
    }
}

extension HeaderMutating {
    /// Writes the changes of headers at one level.
    mutating func set(_ mutations: HeaderMutations) {
        requestHeadersToAdd = mutations.requestAdditions.map { Envoy_Config_Core_V3_HeaderValueOption($0) }
        requestHeadersToRemove = mutations.requestRemovals.map(\.lowercased)
        responseHeadersToAdd = mutations.responseAdditions.map { Envoy_Config_Core_V3_HeaderValueOption($0) }
        responseHeadersToRemove = mutations.responseRemovals.map(\.lowercased)
    }
}

extension Envoy_Config_Core_V3_HeaderValueOption {
    /// Encodes a header that is added.
    init(_ addition: HeaderAddition) {
        self.init()
        header.key = addition.name.lowercased
        header.value = addition.value.text
        appendAction =
            switch addition.action {
            case .appendIfExistsOrAdd: .appendIfExistsOrAdd
            case .addIfAbsent: .addIfAbsent
            case .overwriteIfExistsOrAdd: .overwriteIfExistsOrAdd
            case .overwriteIfExists: .overwriteIfExists
            }
        keepEmptyValue = addition.keepsEmptyValue
    }
}
