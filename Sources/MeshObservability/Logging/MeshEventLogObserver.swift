// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import Logging
public import MeshCore

/// Writes what happens in the mesh and is not about one request to swift-log.
///
/// | level | events |
/// |---|---|
/// | `error` | a configuration was rejected (with every problem), an identity could not be renewed |
/// | `warning` | a source is away, an endpoint was ejected, a breaker opened, something unexpected |
/// | `notice` | a configuration is in force, a source is back, an endpoint is back, a breaker closes |
/// | `info` | an identity was renewed |
/// | `debug` | what may happen with every request: a fault injected, a retry that the budget refused |
/// | `debug` | a connection was made, failed, drains or is closed; a stream was reset, a limit of the pool reached |
/// | `trace` | a connection is being made, a request waits for one or waits no more |
public struct MeshEventLogObserver: Observer {
    /// The most problems of one rejected configuration that are written; the rest is counted.
    private static let maximumProblems = 100

    let logger: Logger

    /// Creates an observer.
    public init(logger: Logger) {
        self.logger = logger
    }

    /// Writes the event.
    public func noticed(_ event: MeshEvent) {
        switch event {
        case .configurationApplied(let generation, let source):
            logger.notice(
                "configuration in force",
                metadata: ["source": text(source), "generation": .stringConvertible(generation)]
            )
        case .configurationRejected(let source, let error):
            rejected(source: source, error: error)
        case .configurationIgnored(let source, let fields):
            ignored(source: source, fields: fields)
        case .sourceConnection(let source, let isConnected, let reason):
            var metadata: Logger.Metadata = ["source": text(source)]
            if let reason { metadata["reason"] = text(reason) }
            if isConnected {
                logger.notice("configuration source connected", metadata: metadata)
            } else {
                logger.warning("configuration source away, the last good configuration stays", metadata: metadata)
            }
        case .endpointEjected, .ejectionWithheld, .endpointReturned, .circuitBreakerChanged, .retryBudgetExhausted,
            .policyActed:
            noticedUpstream(event)
        case .identityRenewed(let identity, let validFor):
            logger.info(
                "identity renewed",
                metadata: ["identity": text(identity), "valid_seconds": .stringConvertible(validFor.seconds)]
            )
        case .identityRenewalFailed(let error):
            logger.error("identity not renewed, the last one stays in use", metadata: ["error": text("\(error)")])
        case .faultInjected(let route, let kind):
            logger.debug("fault injected", metadata: ["route": text(route), "kind": text(kind)])
        case .unexpected(let component, let message):
            logger.warning("unexpected event", metadata: ["component": text(component), "event": text(message)])
        }
    }

    private func noticedUpstream(_ event: MeshEvent) {
        switch event {
        case .endpointEjected(let cluster, let endpoint, let duration, let reason):
            logger.warning(
                "endpoint ejected",
                metadata: [
                    "cluster": text(cluster), "endpoint": text(endpoint.description),
                    "seconds": .stringConvertible(duration.seconds), "reason": text(reason),
                ]
            )
        case .ejectionWithheld(let cluster, let endpoint, let reason, let obstacle):
            logger.debug(
                "endpoint would have been ejected",
                metadata: [
                    "cluster": text(cluster), "endpoint": text(endpoint.description), "reason": text(reason),
                    "because": text(obstacle.rawValue),
                ]
            )
        case .endpointReturned(let cluster, let endpoint):
            logger.notice(
                "endpoint returned",
                metadata: ["cluster": text(cluster), "endpoint": text(endpoint.description)]
            )
        case .circuitBreakerChanged(let cluster, let endpoint, let from, let to):
            var metadata: Logger.Metadata = ["cluster": text(cluster), "from": text(from), "to": text(to)]
            if let endpoint { metadata["endpoint"] = text(endpoint.description) }
            logger.log(level: to == "open" ? .warning : .notice, "circuit breaker changed", metadata: metadata)
        case .retryBudgetExhausted(let cluster):
            logger.debug("retry budget exhausted", metadata: ["cluster": text(cluster)])
        case .policyActed(let decision):
            logger.debug(
                decision.isEnforced ? "policy acted" : "policy would have acted",
                metadata: [
                    "policy": text(decision.policy.rawValue), "name": text(decision.name),
                    "action": text(decision.action.rawValue), "reason": text(decision.reason.rawValue),
                ]
            )
        default:
            break
        }
    }

    /// Writes what has no effect in the message as well, for the reason below.
    private func ignored(source: String, fields: [IgnoredField]) {
        var lines = fields.prefix(Self.maximumProblems).map { EscapedText($0.description).description }
        if fields.count > lines.count { lines.append("and \(fields.count - lines.count) more") }
        logger.warning(
            "fields of the configuration have no effect: \(lines.joined(separator: "; "))",
            metadata: ["source": text(source), "fields": .array(lines.map { .string($0) })]
        )
    }

    /// Writes the problems in the message as well as in the metadata: whoever made the mistake reads the message, and
    /// not every backend shows metadata.
    private func rejected(source: String, error: any Error) {
        let problems =
            (error as? ConfigurationError)?.problems.map(\.description)
            ?? "\(error)".split(separator: "\n").map(String.init)
        var lines = problems.prefix(Self.maximumProblems).map { EscapedText($0).description }
        if problems.count > lines.count { lines.append("and \(problems.count - lines.count) more") }
        logger.error(
            "configuration rejected, the last good one stays in force: \(lines.joined(separator: "; "))",
            metadata: [
                "source": text(source),
                "problems": .array(lines.map { .string($0) }),
            ]
        )
    }

    func text(_ text: String) -> Logger.MetadataValue {
        .string(EscapedText(text).description)
    }
}
