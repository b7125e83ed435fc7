// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

extension FormatOperator {
    /// Finds the operator of a name.
    /// - Parameters:
    ///   - name: Its name.
    ///   - argument: What stands in parentheses behind it; `nil` without them.
    ///   - hasLength: Whether a length stands behind it, which not every operator may have.
    /// - Throws: `ConfigurationError` that says what is wrong with it.
    init(_ name: String, argument: String?, hasLength: Bool) throws(ConfigurationError) {
        if let fact = FormatFact(rawValue: name) {
            guard argument == nil else { throw Self.wrong("\(name) takes no argument") }
            guard !hasLength else { throw Self.wrong("\(name) takes no length") }
            self = .fact(fact)
            return
        }
        self = try Self.make(name, argument)
        if hasLength, !takesLength { throw Self.wrong("\(name) takes no length") }
    }

    private var takesLength: Bool {
        switch self {
        case .field, .metadata, .filterState, .environment, .queryParameter, .path: true
        case .fact, .startTime, .grpcStatus, .duration: false
        }
    }

    private static func make(_ name: String, _ argument: String?) throws(ConfigurationError) -> FormatOperator {
        switch name {
        case "REQ", "REQUEST_HEADER": return try field(.request, name, argument)
        case "RESP", "RESPONSE_HEADER": return try field(.response, name, argument)
        case "TRAILER", "RESPONSE_TRAILER": return try field(.trailers, name, argument)
        case "START_TIME":
            guard let format = TimeFormat(argument ?? "") else {
                throw wrong("the format of START_TIME has a conversion that is not supported: \(argument ?? "")")
            }
            return .startTime(format)
        case "GRPC_STATUS_NUMBER":
            guard argument == nil else { throw wrong("\(name) takes no argument") }
            return .grpcStatus(.number)
        case "GRPC_STATUS":
            switch argument {
            case nil, "", "CAMEL_STRING": return .grpcStatus(.camel)
            case "SNAKE_STRING": return .grpcStatus(.snake)
            case "NUMBER": return .grpcStatus(.number)
            default: throw wrong("GRPC_STATUS takes CAMEL_STRING, SNAKE_STRING or NUMBER")
            }
        case "DYNAMIC_METADATA": return try metadata(.dynamic, name, argument)
        case "CLUSTER_METADATA": return try metadata(.cluster, name, argument)
        case "UPSTREAM_METADATA": return try metadata(.endpoint, name, argument)
        case "METADATA": return try metadata(name, argument)
        case "FILTER_STATE":
            let parts = (argument ?? "").split(separator: ":", omittingEmptySubsequences: false)
            guard let key = parts.first, !key.isEmpty else { throw wrong("FILTER_STATE needs a key") }
            guard parts.count == 1 || (parts.count == 2 && parts[1] == "PLAIN") else {
                throw wrong("FILTER_STATE is supported with a key, and PLAIN behind it, only")
            }
            return .filterState(String(key))
        case "ENVIRONMENT": return .environment(try needed(name, argument))
        case "QUERY_PARAM": return .queryParameter(try needed(name, argument))
        case "PATH": return try path(argument ?? "")
        case "COMMON_DURATION": return try duration(try needed(name, argument))
        default: throw wrong("the operator \(name) is not supported")
        }
    }

    private static func field(
        _ source: FormatField.Source,
        _ name: String,
        _ argument: String?
    ) throws(ConfigurationError) -> FormatOperator {
        let parts = try needed(name, argument).split(separator: "?", omittingEmptySubsequences: false)
        guard parts.count <= 2 else { throw wrong("\(name) takes one header, and one more behind a ?") }
        let names = parts.filter { !$0.isEmpty }.map { HeaderName(String($0)) }
        guard let first = names.first else { throw wrong("\(name) needs the name of a header") }
        for name in names where !name.isValid {
            throw wrong("\(name) is no name that HTTP allows for a header")
        }
        let second = names.dropFirst().first
        return .field(FormatField(source, first), otherwise: second.map { FormatField(source, $0) })
    }

    private static func metadata(
        _ scope: MetadataScope,
        _ name: String,
        _ argument: String?
    ) throws(ConfigurationError) -> FormatOperator {
        let parts = try needed(name, argument).split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard !parts[0].isEmpty else { throw wrong("\(name) needs a namespace") }
        return .metadata(scope, namespace: parts[0], keys: Array(parts.dropFirst()))
    }

    /// `METADATA(ROUTE:namespace:key…)`.
    private static func metadata(_ name: String, _ argument: String?) throws(ConfigurationError) -> FormatOperator {
        let whole = try needed(name, argument)
        let colon = whole.utf8.firstIndex(of: UInt8(ascii: ":")) ?? whole.endIndex
        let scope: MetadataScope =
            switch whole[..<colon] {
            case "DYNAMIC": .dynamic
            case "CLUSTER": .cluster
            case "UPSTREAM_HOST": .endpoint
            case "ROUTE": .route
            case "VIRTUAL_HOST": .virtualHost
            default: throw wrong("METADATA takes DYNAMIC, CLUSTER, UPSTREAM_HOST, ROUTE or VIRTUAL_HOST")
            }
        return try metadata(scope, name, String(whole[colon...].dropFirst()))
    }

    /// `PATH(WQ:ORIG)`: with or without the query, and which path.
    private static func path(_ argument: String) throws(ConfigurationError) -> FormatOperator {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false)
        let keepsQuery: Bool
        switch parts.first {
        case nil, "", "WQ": keepsQuery = true
        case "NQ": keepsQuery = false
        default: throw wrong("PATH takes WQ or NQ")
        }
        switch parts.dropFirst().first {
        case nil, "", "ORIG_OR_PATH": return .path(keepsQuery: keepsQuery, .originalOrCurrent)
        case "ORIG": return .path(keepsQuery: keepsQuery, .original)
        case "PATH": return .path(keepsQuery: keepsQuery, .current)
        default: throw wrong("PATH takes ORIG, PATH or ORIG_OR_PATH behind WQ or NQ")
        }
    }

    private static func duration(_ argument: String) throws(ConfigurationError) -> FormatOperator {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 || parts.count == 3 else {
            throw wrong("COMMON_DURATION takes two instants, and ms, us or ns behind them")
        }
        let unit: UInt64
        switch parts.dropFirst(2).first {
        case nil, "ms": unit = 1_000_000
        case "us": unit = 1000
        case "ns": unit = 1
        case .some(let other): throw wrong("COMMON_DURATION knows ms, us and ns, not \(other)")
        }
        return .duration(from: parts[0], to: parts[1], unit: unit)
    }

    private static func needed(_ name: String, _ argument: String?) throws(ConfigurationError) -> String {
        guard let argument, !argument.isEmpty else { throw wrong("\(name) needs an argument") }
        return argument
    }

    private static func wrong(_ message: String) -> ConfigurationError {
        ConfigurationError(path: "", message)
    }
}
