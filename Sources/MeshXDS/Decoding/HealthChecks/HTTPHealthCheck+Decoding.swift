// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshBalancing
import MeshCore
import MeshRouting
import SwiftProtobuf

extension HealthCheck.HTTP {
    private static let read = ReadFields(
        Envoy_Config_Core_V3_HealthCheck.HttpHealthCheck.self,
        "host",
        "path",
        "method",
        "expected_statuses",
        "retriable_statuses",
        "request_headers_to_add",
        "request_headers_to_remove",
        "service_name_matcher",
        "codec_client_type"
    )

    /// Decodes a request.
    /// - Returns: `nil`, with a problem, if it is bad; with a report, if it needs what is not supported.
    init?(
        _ message: Envoy_Config_Core_V3_HealthCheck.HttpHealthCheck,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        context.ignoreOthers(in: message, at: path, read: Self.read)
        if message.path.isEmpty { context.reject(path["path"], "is empty") }
        let hasPath = !message.path.isEmpty && context.requireFieldValue(message.path, at: path["path"])
        let hasHost = context.requireFieldValue(message.host, at: path["host"])
        let method = message.method.name
        if method == nil { context.reject(path["method"], "must be a method other than CONNECT") }
        let expected = context.list(message.expectedStatuses, at: path, "expected_statuses") {
            Range<Int>(statuses: $0, at: $1, &$2)
        }
        let retriable = context.list(message.retriableStatuses, at: path, "retriable_statuses") {
            Range<Int>(statuses: $0, at: $1, &$2)
        }
        let added = context.fields(message.requestHeadersToAdd, at: path, "request_headers_to_add")
        let removed = context.list(message.requestHeadersToRemove, at: path, "request_headers_to_remove") {
            $2.changeableName($0, at: $1)
        }
        var serviceName: StringMatcher?
        if message.hasServiceNameMatcher {
            serviceName = StringMatcher(message.serviceNameMatcher, at: path["service_name_matcher"], &context)
            guard serviceName != nil else { return nil }
        }
        let version: Version
        switch message.codecClientType {
        case .http1: version = .http1
        case .http2: version = .http2
        case .http3:
            // What speaks nothing else would never be found well.
            context.ignore(path["codec_client_type"], "HTTP/3 is not supported, so that endpoints are not checked")
            return nil
        case .UNRECOGNIZED(let number):
            context.reject(path["codec_client_type"], "\(number) is unknown")
            return nil
        }
        guard hasPath, hasHost, let method, let expected, let retriable, let added, let removed else { return nil }
        self.init(
            path: message.path,
            host: message.host,
            method: method,
            removedFields: removed,
            addedFields: added,
            expectedStatuses: expected,
            retriableStatuses: retriable,
            version: version,
            serviceName: serviceName
        )
    }
}

extension Range<Int> {
    /// Decodes statuses, by Envoy's rules.
    fileprivate init?(
        statuses range: Envoy_Type_V3_Int64Range,
        at path: FieldPath,
        _ context: inout DecodingContext
    ) {
        guard range.start >= 100, range.end <= 600, range.start < range.end else {
            context.reject(
                path,
                "must be from 100 to below 600 and not empty, is from \(range.start) to below \(range.end)"
            )
            return nil
        }
        self = Int(range.start)..<Int(range.end)
    }
}

extension DecodingContext {
    /// Decodes fields that probes get.
    mutating func fields(
        _ additions: [Envoy_Config_Core_V3_HeaderValueOption],
        at path: FieldPath,
        _ name: String
    ) -> [HealthCheck.HTTP.Field]? {
        guard additions.count <= 1000 else {
            reject(path[name], "must have at most 1000 elements, has \(additions.count)")
            return nil
        }
        guard let decoded = list(additions, at: path, name, HeaderAddition.init) else { return nil }
        return decoded.enumerated().compactMap { position, addition in
            guard !addition.value.hasOperators else {
                ignore(path[name, position], "operators in the fields of health checks are not supported")
                return nil
            }
            // Envoy leaves empty values out unless it is told not to.
            guard !addition.value.text.isEmpty || addition.keepsEmptyValue else { return nil }
            return HealthCheck.HTTP.Field(
                addition.name,
                addition.value.text.replacing("%%", with: "%"),
                action: HealthCheck.HTTP.Field.Action(addition.action)
            )
        }
    }
}

extension HealthCheck.HTTP.Field.Action {
    fileprivate init(_ action: HeaderAddition.Action) {
        self =
            switch action {
            case .appendIfExistsOrAdd: .append
            case .addIfAbsent: .addIfAbsent
            case .overwriteIfExistsOrAdd: .overwriteOrAdd
            case .overwriteIfExists: .overwriteIfPresent
            }
    }
}

extension Envoy_Config_Core_V3_HeaderValueOption {
    /// Encodes a field of probes.
    init(_ field: HealthCheck.HTTP.Field) {
        let action: HeaderAddition.Action =
            switch field.action {
            case .append: .appendIfExistsOrAdd
            case .addIfAbsent: .addIfAbsent
            case .overwriteOrAdd: .overwriteIfExistsOrAdd
            case .overwriteIfPresent: .overwriteIfExists
            }
        self.init(
            HeaderAddition(
                field.name,
                HeaderFormat(literal: field.value),
                action: action,
                keepsEmptyValue: field.value.isEmpty
            )
        )
    }
}

extension Envoy_Config_Core_V3_RequestMethod {
    private static let names: [(Self, String)] = [
        (.get, "GET"), (.head, "HEAD"), (.post, "POST"), (.put, "PUT"), (.delete, "DELETE"), (.options, "OPTIONS"),
        (.trace, "TRACE"), (.patch, "PATCH"),
    ]

    /// The method's name, `GET` where none is set; `nil` if probes may not have it.
    fileprivate var name: String? {
        self == .methodUnspecified ? "GET" : Self.names.first { $0.0 == self }?.1
    }

    /// The method of a name; those that validation lets pass have one.
    fileprivate init(name: String) {
        self = Self.names.first { $0.1 == name }?.0 ?? .get
    }
}

extension Envoy_Config_Core_V3_HealthCheck.HttpHealthCheck {
    init(_ check: HealthCheck.HTTP) {
        self.init()
        host = check.host
        path = check.path
        if check.method != "GET" { method = Envoy_Config_Core_V3_RequestMethod(name: check.method) }
        expectedStatuses = check.expectedStatuses.map(Envoy_Type_V3_Int64Range.init)
        retriableStatuses = check.retriableStatuses.map(Envoy_Type_V3_Int64Range.init)
        requestHeadersToAdd = check.addedFields.map { Envoy_Config_Core_V3_HeaderValueOption($0) }
        requestHeadersToRemove = check.removedFields.map(\.lowercased)
        if let serviceName = check.serviceName {
            serviceNameMatcher = Envoy_Type_Matcher_V3_StringMatcher(serviceName)
        }
        codecClientType = check.version == .http2 ? .http2 : .http1
    }
}

extension Envoy_Type_V3_Int64Range {
    fileprivate init(_ range: Range<Int>) {
        self.init()
        start = Int64(range.lowerBound)
        end = Int64(range.upperBound)
    }
}
