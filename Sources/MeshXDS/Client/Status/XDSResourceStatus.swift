// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// What is known of one resource: for operators.
public struct XDSResourceStatus: Hashable, Sendable {
    /// What became of it, in the words of the client status discovery service.
    public enum State: Hashable, Sendable {
        /// It was asked for and has not come yet.
        case requested
        /// It is in use.
        case acknowledged
        /// It was refused, and why; the last good one, if there was one, stays in use.
        case refused(String)
        /// It does not exist.
        case doesNotExist
        /// The control plane says that it cannot give it, and why; the last good one, if there was one, stays in use.
        case failed(String)
        /// The control plane, which would say if there were no such thing, has not said a word about it in 30 s.
        case timedOut
    }

    /// Its kind.
    public var kind: ResourceKind
    /// Its name.
    public var name: String
    /// The control plane that the one in use is from, or that is asked for it; `nil` if nobody is.
    public var server: String?
    /// The version of the one in use; empty if there is none. In the state of the world it is that of the response.
    public var version: String
    /// What became of it.
    public var state: State
    /// Whether one is in use, be it an earlier one.
    public var isInUse: Bool
    /// How long ago the one in use came; `nil` if there is none.
    public var age: Nanoseconds?
    /// The version that went wrong last; empty if nothing did since the one in use came, or if it had none.
    public var failedVersion: String
    /// How long ago that was; `nil` if nothing went wrong since the one in use came.
    public var failureAge: Nanoseconds?
    /// Its fields that have no effect here.
    public var ignored: [FieldReport]
    /// The one in use as it stands on the wire, without its keys.
    package var packed: PackedResource?
    /// The one that was refused last, as it stood on the wire, without its keys.
    package var refused: PackedResource?
}

extension ADSSubscription {
    /// What is known of each resource.
    /// - Parameter server: What a server of the list is called, by its place; that of `nil` is the one to go by.
    func status(
        of kind: ResourceKind,
        at now: MeshInstant,
        server: (Int?) -> String? = { _ in nil }
    ) -> [XDSResourceStatus] {
        // What is only kept in case it is asked for again is nobody's concern.
        (isWildcard ? names.union(cached.keys).union(problems.keys) : names).map { name in
            let (resource, problem) = (cached[name], problems[name])
            return XDSResourceStatus(
                kind: kind,
                name: name,
                server: server(resource?.server),
                version: resource?.version ?? "",
                state: state(of: name),
                isInUse: resource != nil,
                age: resource.map { now.elapsed(since: $0.updatedAt) },
                failedVersion: problem?.version ?? "",
                failureAge: problem.map { now.elapsed(since: $0.since) },
                ignored: resource?.ignored ?? [],
                packed: resource?.packed.redacted(kind),
                refused: problem?.packed?.redacted(kind)
            )
        }
    }

    private func state(of name: String) -> XDSResourceStatus.State {
        if let problem = problems[name] {
            switch problem.cause {
            case .refused: .refused(problem.text)
            case .reported: .failed(problem.text)
            case .deleted: .doesNotExist
            }
        } else if cached[name] != nil {
            .acknowledged
        } else {
            switch absences[name] {
            case .missing: .doesNotExist
            case .timedOut: .timedOut
            case nil: .requested
            }
        }
    }
}
