// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// The Mixer objects of all manifests; they refer to each other by name.
struct MixerModel: Sendable {
    var deniers: [Denier] = []
    var checkNothings: [ManifestMetadata] = []
    var rules: [Rule] = []

    /// A refusal.
    struct Denier: Sendable {
        var metadata: ManifestMetadata
        /// What a refused caller is told.
        var message: String?
    }

    /// When which refusals apply.
    struct Rule: Sendable {
        var metadata: ManifestMetadata
        /// `nil` applies always.
        var condition: Condition?
        var deniers: [Reference]
        var checkNothings: [Reference]
    }

    /// A condition that could be read, or the proof that it could not.
    enum Condition: Sendable {
        case expression(MixerExpression)
        case unreadable
    }

    /// The name and namespace of another object.
    struct Reference: Sendable {
        var name: String
        var namespace: String
        var position: SourcePosition
    }
}

/// The condition of a Mixer rule, as far as it can be decided from who calls whom.
indirect enum MixerExpression: Hashable, Sendable {
    case constant(Bool)
    case equal(Operand, Operand)
    case notEqual(Operand, Operand)
    case both(MixerExpression, MixerExpression)
    case either(MixerExpression, MixerExpression)

    enum Operand: Hashable, Sendable {
        case text(String)
        case attribute(Side, Attribute)
    }

    enum Side: String, Hashable, Sendable {
        case source
        case destination
    }

    enum Attribute: Hashable, Sendable {
        case label(String)
        /// The full name of a service.
        case service
        case namespace
    }

    /// What is known of one side of a call.
    struct Party: Hashable, Sendable {
        var labels: [String: String]
        /// The full names of the services that it belongs to; several only if manifests say so.
        var services: Set<String>
        var namespace: String

        /// Somebody of whom nothing is known.
        static let unknown = Party(labels: [:], services: [], namespace: "")
    }

    /// Whether the condition holds for a call; an attribute that is not there is the empty text.
    func holds(source: Party, destination: Party) -> Bool {
        switch self {
        case .constant(let value): value
        case .equal(let left, let right):
            !left.values(source, destination).isDisjoint(with: right.values(source, destination))
        case .notEqual(let left, let right):
            left.values(source, destination).isDisjoint(with: right.values(source, destination))
        case .both(let left, let right):
            left.holds(source: source, destination: destination)
                && right.holds(source: source, destination: destination)
        case .either(let left, let right):
            left.holds(source: source, destination: destination)
                || right.holds(source: source, destination: destination)
        }
    }
}

extension MixerExpression.Operand {
    fileprivate func values(_ source: MixerExpression.Party, _ destination: MixerExpression.Party) -> Set<String> {
        switch self {
        case .text(let text): return [text]
        case .attribute(let side, let attribute):
            let party = side == .source ? source : destination
            switch attribute {
            case .label(let key): return [party.labels[key] ?? ""]
            case .service: return party.services.isEmpty ? [""] : party.services
            case .namespace: return [party.namespace]
            }
        }
    }
}
