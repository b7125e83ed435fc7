// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What a service that says who may pass has answered (`envoy.service.auth.v3.CheckResponse`).
public struct ExternalVerdict: Sendable, Equatable {
    /// A header field of the request, and what becomes of one that is there.
    public struct HeaderChange: Sendable, Equatable {
        /// What becomes of a field of the name.
        ///
        /// Changes are made in the order of these cases, whatever order the service has them in, as by Envoy; those of one
        /// case in the service's own.
        public enum Action: Sendable, Equatable, CaseIterable {
            /// It is replaced.
            case set
            /// The value is added as a field of its own, whether there is one or not.
            case add
            /// The value is joined to the first field by a comma, of a list like `authorization` or `accept` to all of them,
            /// and of `cookie` by a semicolon; where there is none, nothing happens, as in Envoy.
            case append
            /// The value is added where there is none.
            case addIfAbsent
            /// It is replaced where there is one.
            case overwriteIfExists
        }

        /// The name.
        public var name: HeaderName
        /// The value.
        public var value: String
        /// What becomes of a field of the name.
        public var action: Action

        /// Creates a change.
        public init(_ name: HeaderName, _ value: String, _ action: Action = .set) {
            self.name = name
            self.value = value
            self.action = action
        }
    }

    /// The answer to a request that may not pass; `nil` if it may.
    public var refusal: LocalReply?
    /// What changes in the headers of a request that may, in the order of `HeaderChange.Action`.
    public var changes: [HeaderChange]
    /// Headers that leave it, after those changes.
    public var removedHeaders: [HeaderName]
    /// Parameters that its query gets.
    public var setParameters: [(name: String, value: String)]
    /// Parameters that leave it.
    public var removedParameters: [String]
    /// What is noted for filters that come later.
    public var metadata: [String: MetadataValue]

    /// Creates an answer; by default the request may pass as it is.
    public init(
        refusal: LocalReply? = nil,
        changes: [HeaderChange] = [],
        removedHeaders: [HeaderName] = [],
        setParameters: [(name: String, value: String)] = [],
        removedParameters: [String] = [],
        metadata: [String: MetadataValue] = [:]
    ) {
        self.refusal = refusal
        self.changes = changes
        self.removedHeaders = removedHeaders
        self.setParameters = setParameters
        self.removedParameters = removedParameters
        self.metadata = metadata
    }

    /// Whether two answers are the same.
    public static func == (one: ExternalVerdict, other: ExternalVerdict) -> Bool {
        one.refusal == other.refusal && one.changes == other.changes && one.removedHeaders == other.removedHeaders
            && one.removedParameters == other.removedParameters && one.metadata == other.metadata
            && one.setParameters.elementsEqual(other.setParameters) { $0 == $1 }
    }

    /// Writes what the service wants into a request that may pass. Neither its line nor its host can be taken away.
    public func apply(to request: inout some RequestHead) {
        for action in HeaderChange.Action.allCases {
            for change in changes where change.action == action { change.apply(to: &request) }
        }
        for name in removedHeaders where name.isChangeable { request.removeValues(of: name) }
        for parameter in setParameters {
            request.path = QueryText.setting(parameter.name, to: parameter.value, in: request.path)
        }
        for name in removedParameters { request.path = QueryText.removing(name, from: request.path) }
    }
}

extension ExternalVerdict.HeaderChange {
    /// What Envoy keeps as one field however many there are. Appending to the first of several would put the value between
    /// theirs.
    private static let namesInOneField: Set<HeaderName> = [
        "accept", "accept-encoding", "authorization", "cache-control", "content-type", "expect", "grpc-timeout",
        "if-none-match", "origin", "pragma", "referer", "user-agent", "via", "x-forwarded-for", "x-forwarded-proto",
        "x-request-id",
    ]

    fileprivate func apply(to request: inout some RequestHead) {
        guard name.isChangeable, value.isHeaderValue else { return }
        switch action {
        case .set: request.setValue(value, for: name)
        case .add: request.appendValue(value, for: name)
        case .append:
            var values = request.values(of: name)
            guard let first = values.first else { return }
            if Self.namesInOneField.contains(name) {
                values = [(values + [value]).joined(separator: ",")]
            } else {
                values[0] = first + (name == "cookie" ? "; " : ",") + value
            }
            request.removeValues(of: name)
            for value in values { request.appendValue(value, for: name) }
        case .addIfAbsent: if request.value(of: name) == nil { request.setValue(value, for: name) }
        case .overwriteIfExists: if request.value(of: name) != nil { request.setValue(value, for: name) }
        }
    }
}

extension HeaderName {
    /// Whether a service may change it: it is a field, and not the host.
    fileprivate var isChangeable: Bool {
        isValid && lowercased != "host" && lowercased.utf8.first != UInt8(ascii: ":")
    }
}

extension String {
    /// Whether it may stand in a header.
    fileprivate var isHeaderValue: Bool { utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 } }
}
