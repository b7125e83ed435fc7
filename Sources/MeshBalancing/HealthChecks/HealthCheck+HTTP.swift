// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension HealthCheck {
    /// A request whose status tells (`envoy.config.core.v3.HealthCheck.HttpHealthCheck`).
    public struct HTTP: Hashable, Sendable {
        /// A field that requests get (`envoy.config.core.v3.HeaderValueOption`).
        public struct Field: Hashable, Sendable {
            /// What becomes of a field of that name that is there.
            public enum Action: Hashable, Sendable {
                /// It stays, and this one stands behind it.
                case append
                /// It stays, and this one is left out.
                case addIfAbsent
                /// This one takes its place.
                case overwriteOrAdd
                /// This one takes its place, and is left out where there is none.
                case overwriteIfPresent
            }

            /// Its name.
            public var name: HeaderName
            /// Its value, without a line break.
            public var value: String
            /// What becomes of a field of that name that is there.
            public var action: Action

            /// Creates a field.
            /// - Parameter action: Default `append`: Envoy's `append_action`.
            public init(_ name: HeaderName, _ value: String, action: Action = .append) {
                self.name = name
                self.value = value
                self.action = action
            }
        }

        /// The version of HTTP that is spoken (`envoy.type.v3.CodecClientType`).
        public enum Version: Hashable, Sendable {
            /// HTTP/1.1.
            case http1
            /// HTTP/2.
            case http2
        }

        /// The path with its query; not empty.
        public var path: String
        /// The authority; empty for the cluster's name. An endpoint may have another one.
        ///
        /// Default empty: Envoy's `host`.
        public var host: String
        /// The method: one of HTTP's, but not `CONNECT`.
        ///
        /// Default `GET`: Envoy's `method`.
        public var method: String
        /// The fields that are removed from the request, before others are added.
        public var removedFields: [HeaderName]
        /// The fields that are added, at most 1000.
        public var addedFields: [Field]
        /// The statuses of endpoints that are well, each list from 100 to below 600; none for 200 alone.
        public var expectedStatuses: [Range<Int>]
        /// The statuses that count towards the threshold; all others say at once that the endpoint is not well.
        public var retriableStatuses: [Range<Int>]
        /// The version of HTTP that is spoken, whatever requests of the cluster speak.
        ///
        /// Default `http1`: Envoy's `codec_client_type`.
        public var version: Version
        /// What the answer's `x-envoy-upstream-healthchecked-cluster` has to be, so that an address that somebody else
        /// has now is not taken for the service; `nil` for anything.
        public var serviceName: StringMatcher?

        /// Creates a request.
        public init(
            path: String,
            host: String = "",
            method: String = "GET",
            removedFields: [HeaderName] = [],
            addedFields: [Field] = [],
            expectedStatuses: [Range<Int>] = [],
            retriableStatuses: [Range<Int>] = [],
            version: Version = .http1,
            serviceName: StringMatcher? = nil
        ) {
            self.path = path
            self.host = host
            self.method = method
            self.removedFields = removedFields
            self.addedFields = addedFields
            self.expectedStatuses = expectedStatuses
            self.retriableStatuses = retriableStatuses
            self.version = version
            self.serviceName = serviceName
        }
    }
}

extension HealthCheck.HTTP {
    /// The field by which an endpoint says that it is to get no more requests at once.
    public static let immediateFailureField: HeaderName = "x-envoy-immediate-health-check-fail"
    private static let degradedField: HeaderName = "x-envoy-degraded"
    private static let serviceField: HeaderName = "x-envoy-upstream-healthchecked-cluster"

    /// What an answer says, in Envoy's order: the status, then the name of the service.
    /// - Parameter field: The value of a header field of the answer.
    public func result(status: Int, field: (HeaderName) -> String?) -> HealthProbeResult {
        let isExpected =
            expectedStatuses.isEmpty ? status == 200 : expectedStatuses.contains { $0.contains(status) }
        guard isExpected else {
            let isRetriable = retriableStatuses.contains { $0.contains(status) }
            return .failed(
                .init(
                    isRetriable ? .retriableAnswer : .answer,
                    "status \(status)",
                    excludes: field(Self.immediateFailureField) != nil
                )
            )
        }
        if let serviceName {
            let name = field(Self.serviceField) ?? ""
            guard serviceName.matches(name) else {
                return .failed(.init(.answer, "another service answers: \"\(name)\""))
            }
        }
        return field(Self.degradedField) == nil ? .healthy : .degraded
    }
}
