// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore

/// What the client's machine knows of one control plane of its list.
struct ADSServer {
    /// What is known of it beforehand.
    struct Traits: Hashable, Sendable {
        var variant = XDSVariant.stateOfTheWorld
        /// Whether bad data are worse than none (`fail_on_data_errors`, gRFC A88).
        var failsOnDataErrors = false
        /// Whether a name that it says nothing of means that it is slow, because it would say if there were no such thing
        /// (`resource_timer_is_transient_error`, gRFC A88).
        var timerIsTransient = false
    }

    /// One stream, among all that the machine ever had.
    struct StreamID: Hashable, Sendable {
        var number: Int
    }

    /// What is said on the stream.
    enum Words {
        case stateOfTheWorld(StateOfTheWorldStream)
        case delta(DeltaStream)
    }

    /// The stream that is open.
    struct Stream {
        let id: StreamID
        var words: Words
        /// Whether a response came: it ends without being an error then (gRFC A57).
        var hadResponse = false
        /// Whether a response came of which something is in use: what other servers say counts no longer then (gRFC A71).
        var hadResource = false
        /// When the server was asked for something first.
        var askedAt: MeshInstant?
        /// Whether it has kept silent since, longer than anything is waited for.
        var isSilent = false
        /// Whether nobody was told of that.
        var hasUntoldSilence = false

        init(_ id: StreamID, _ variant: XDSVariant) {
            self.id = id
            words =
                switch variant {
                case .stateOfTheWorld: .stateOfTheWorld(StateOfTheWorldStream())
                case .delta: .delta(DeltaStream())
                }
        }

        /// Whether the server has been asked for a kind.
        func isRequested(_ kind: ResourceKind) -> Bool {
            switch words {
            case .stateOfTheWorld(let stream): stream.isRequested(kind)
            case .delta(let stream): stream.isRequested(kind)
            }
        }

        /// Whether there is, or may be, something to say of a kind.
        func isOwed(_ kind: ResourceKind) -> Bool {
            switch words {
            case .stateOfTheWorld(let stream): stream.isOwed(kind)
            case .delta(let stream): stream.isOwed(kind)
            }
        }

        /// The names that are wanted of a kind have changed.
        mutating func namesChanged(of kind: ResourceKind) {
            switch words {
            case .stateOfTheWorld(var stream):
                stream.namesChanged(of: kind)
                words = .stateOfTheWorld(stream)
            case .delta(var stream):
                stream.namesChanged(of: kind)
                words = .delta(stream)
            }
        }

        /// What is to be said of a kind now, as said.
        /// - Parameters:
        ///   - version: The version that was taken last from the server.
        ///   - versions: Those of single resources that are from it, by name.
        mutating func next(
            _ kind: ResourceKind,
            of subscription: ADSSubscription,
            version: String,
            versions: () -> [String: String]
        ) -> [ADSRequest] {
            switch words {
            case .stateOfTheWorld(var stream):
                let request = stream.next(kind, of: subscription, version: version)
                words = .stateOfTheWorld(stream)
                return request.map { [.stateOfTheWorld($0)] } ?? []
            case .delta(var stream):
                let requests = stream.next(kind, of: subscription, versions: versions)
                words = .delta(stream)
                return requests.map { .delta($0) }
            }
        }

        /// A response has been received.
        mutating func responseReceived(_ kind: ResourceKind, nonce: String, refusal: String?) {
            hadResponse = true
            isSilent = false
            hasUntoldSilence = false
            switch words {
            case .stateOfTheWorld(var stream):
                stream.responseReceived(kind, nonce: nonce, refusal: refusal)
                words = .stateOfTheWorld(stream)
            case .delta(var stream):
                stream.responseReceived(kind, nonce: nonce, refusal: refusal)
                words = .delta(stream)
            }
        }
    }

    let traits: Traits
    var stream: Stream?
    /// The versions that were taken last from this server, on whichever stream.
    var versions: [ResourceKind: String] = [:]
    /// Whether the last stream ended, or was not to be had, without a response.
    var isUnreachable = false

    init(_ traits: Traits) {
        self.traits = traits
    }
}
