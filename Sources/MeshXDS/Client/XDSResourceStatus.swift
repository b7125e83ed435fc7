// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// What is known of one resource: for operators.
public struct XDSResourceStatus: Hashable, Sendable {
    /// What became of it, in the words of the client status discovery service.
    public enum State: Hashable, Sendable {
        /// It was asked for and has not come yet.
        case requested
        /// It is in use.
        case acknowledged
        /// It was refused; the last good one, if there was one, stays in use.
        case refused(String)
        /// It does not exist.
        case doesNotExist
    }

    /// Its kind.
    public var kind: ResourceKind
    /// Its name.
    public var name: String
    /// The version that was taken last, of all resources of its kind.
    public var version: String
    /// What became of it.
    public var state: State
    /// Its fields that have no effect here.
    public var ignored: [FieldReport]
}

extension ADSSubscription {
    /// What is known of each resource.
    func status(of kind: ResourceKind) -> [XDSResourceStatus] {
        // What is only kept in case it is asked for again is nobody's concern.
        (isWildcard ? names.union(cached.keys).union(refused.keys) : names).map { name in
            let state: XDSResourceStatus.State =
                if let problem = refused[name] {
                    .refused(problem)
                } else if cached[name] != nil {
                    .acknowledged
                } else if missing.contains(name) {
                    .doesNotExist
                } else {
                    .requested
                }
            return XDSResourceStatus(
                kind: kind,
                name: name,
                version: version,
                state: state,
                ignored: cached[name]?.ignored ?? []
            )
        }
    }
}
