// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// A request to send, in the form of the stream that it is for.
enum ADSRequest: Hashable, Sendable {
    case stateOfTheWorld(StateOfTheWorldStream.Request)
    case delta(DeltaStream.Request)

    /// What it is about.
    var kind: ResourceKind {
        switch self {
        case .stateOfTheWorld(let request): request.kind
        case .delta(let request): request.kind
        }
    }

    /// Why the last response is refused; `nil` if it is taken, or if there was none.
    var refusal: String? {
        switch self {
        case .stateOfTheWorld(let request): request.refusal
        case .delta(let request): request.refusal
        }
    }
}
