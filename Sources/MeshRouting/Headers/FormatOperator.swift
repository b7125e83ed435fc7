// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// An operator of a format, compiled.
enum FormatOperator: Hashable, Sendable {
    /// `%REQUEST_HEADER(X?Y)%` and its likes: the first field that is there.
    case field(FormatField, otherwise: FormatField?)
    /// An operator that only names a fact.
    case fact(FormatFact)
    /// `%START_TIME(format)%`.
    case startTime(TimeFormat)
    /// `%GRPC_STATUS(form)%` and `%GRPC_STATUS_NUMBER%`.
    case grpcStatus(GRPCStatusForm)
    /// `%DYNAMIC_METADATA(namespace:key:…)%` and its likes.
    case metadata(MetadataScope, namespace: String, keys: [String])
    /// `%FILTER_STATE(key)%`.
    case filterState(String)
    /// `%ENVIRONMENT(name)%`.
    case environment(String)
    /// `%QUERY_PARAM(name)%`.
    case queryParameter(String)
    /// `%PATH(query:which)%`.
    case path(keepsQuery: Bool, PathChoice)
    /// `%COMMON_DURATION(start:end:unit)%`, with how many nanoseconds the unit has.
    case duration(from: String, to: String, unit: UInt64)

    /// Whose metadata is read.
    enum MetadataScope: Hashable, Sendable {
        /// What filters noted about the request.
        case dynamic
        /// The cluster's.
        case cluster
        /// The endpoint's.
        case endpoint
        /// The route's.
        case route
        /// The virtual host's.
        case virtualHost
    }

    /// Which path is meant.
    enum PathChoice: Hashable, Sendable {
        /// The one before a rewrite, or else the current one.
        case originalOrCurrent
        /// The one before a rewrite.
        case original
        /// The current one.
        case current
    }

    /// How a gRPC status is written.
    enum GRPCStatusForm: Hashable, Sendable {
        /// `InvalidArgument`.
        case camel
        /// `INVALID_ARGUMENT`.
        case snake
        /// `3`.
        case number
    }

    /// The text that the operator stands for; `nil` if nobody knows.
    func value(in facts: FormatFacts, field: (FormatField) -> String?) -> String? {
        switch self {
        case .field(let wanted, let other): field(wanted) ?? other.flatMap(field)
        case .fact(let fact): facts.text(of: fact)
        case .startTime(let format): facts.startTime.map { format.text(sinceEpoch: $0) }
        case .grpcStatus(let form): Self.grpcStatus(facts, form: form, field: field)
        case .metadata(let scope, let namespace, let keys):
            facts.metadata(of: scope)[namespace]?.value(at: keys[...])?.formatted
        case .filterState(let key): facts.filterState[key]
        // The only operator with a word of its own for what is not there.
        case .environment(let name): facts.environment[name] ?? "-"
        case .queryParameter(let name):
            field(FormatField(.request, ":path")).flatMap { QueryParameters(ofPath: $0).firstValue(of: name) }
        case .path(let keepsQuery, let choice): Self.path(choice, keepsQuery: keepsQuery, field: field)
        case .duration(let start, let end, let unit):
            facts.instants[start].flatMap { start in
                facts.instants[end].flatMap { end in
                    end >= start ? String(end.elapsed(since: start).rawValue / unit) : nil
                }
            }
        }
    }

    private static func path(
        _ choice: PathChoice,
        keepsQuery: Bool,
        field: (FormatField) -> String?
    ) -> String? {
        var path: String?
        if choice != .current { path = field(FormatField(.request, EnvoyHeader.originalPath)) }
        if path == nil, choice != .original { path = field(FormatField(.request, ":path")) }
        guard let path, !path.isEmpty else { return nil }
        guard !keepsQuery, let query = path.utf8.firstIndex(of: UInt8(ascii: "?")) else { return path }
        return String(path[..<query])
    }

    private static func grpcStatus(
        _ facts: FormatFacts,
        form: GRPCStatusForm,
        field: (FormatField) -> String?
    ) -> String? {
        let name: HeaderName = "grpc-status"
        let known = facts.grpcStatus.map { String($0) }
        guard
            let text = known ?? field(FormatField(.trailers, name)) ?? field(FormatField(.response, name)),
            let code = Int(text)
        else { return nil }
        guard form != .number, grpcNames.indices.contains(code) else { return String(code) }
        return form == .camel ? grpcNames[code].camel : grpcNames[code].snake
    }

    private static let grpcNames: [(camel: String, snake: String)] = [
        ("OK", "OK"), ("Canceled", "CANCELLED"), ("Unknown", "UNKNOWN"), ("InvalidArgument", "INVALID_ARGUMENT"),
        ("DeadlineExceeded", "DEADLINE_EXCEEDED"), ("NotFound", "NOT_FOUND"), ("AlreadyExists", "ALREADY_EXISTS"),
        ("PermissionDenied", "PERMISSION_DENIED"), ("ResourceExhausted", "RESOURCE_EXHAUSTED"),
        ("FailedPrecondition", "FAILED_PRECONDITION"), ("Aborted", "ABORTED"), ("OutOfRange", "OUT_OF_RANGE"),
        ("Unimplemented", "UNIMPLEMENTED"), ("Internal", "INTERNAL"), ("Unavailable", "UNAVAILABLE"),
        ("DataLoss", "DATA_LOSS"), ("Unauthenticated", "UNAUTHENTICATED"),
    ]
}

extension MetadataValue {
    /// The value that keys lead to.
    func value(at keys: ArraySlice<String>) -> MetadataValue? {
        guard let key = keys.first else { return self }
        guard case .fields(let fields) = self else { return nil }
        return fields[key]?.value(at: keys.dropFirst())
    }
}
