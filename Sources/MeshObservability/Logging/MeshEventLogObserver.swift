// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import Logging
public import MeshCore

/// Writes what happens in the mesh and is not about one request to swift-log.
///
/// | level | events |
/// |---|---|
/// | `error` | a configuration was rejected (with every problem), an identity could not be renewed |
/// | `error`, `warning` | the last good configuration on disk is refused; it is in force, or could not be written |
/// | `warning` | a source is away, an endpoint was ejected, a breaker opened, something unexpected |
/// | `warning` | a health check finds an endpoint unhealthy, or nobody can ask a cluster's endpoints |
/// | `notice` | a configuration is in force, a source is back, an endpoint is back, a breaker closes |
/// | `warning` | a host name could not be resolved, for the first time in a row; names that nobody resolves |
/// | `info` | an identity was renewed, a host name has other addresses |
/// | `debug` | what may happen with every request: a fault injected, a retry that the budget refused |
/// | `warning` | an endpoint does not report its load apart from answers, or nobody can ask a cluster's endpoints to |
/// | `debug` | a call for such reports has ended |
/// | `info` | a control plane asks what became of requests |
/// | `warning` | what became of requests cannot be told, for the first time in a row |
/// | `trace` | a control plane was told what became of requests |
/// | `debug` | a connection was made, failed, drains or is closed; a stream was reset, a limit of the pool reached |
/// | `trace` | an endpoint was asked how it is, or has reported its load apart from answers |
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
        // What is only counted.
        case .clustersChanged, .controlPlane, .resourcesCounted, .weightsUpdated: break
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
        case .lastKnownGood(let source, let event): noticed(event, source: source)
        case .loadStatistics(let source, let event): noticed(event, source: source)
        case .endpointEjected, .ejectionWithheld, .endpointReturned, .circuitBreakerChanged, .retryBudgetExhausted,
            .loadReportRefused, .policyActed:
            noticedUpstream(event)
        case .endpointHealthChanged, .endpointProbed, .healthCheckUnavailable: noticedHealth(event)
        case .loadReportReceived, .loadReportCallFailed, .loadReportCallRefused, .loadReportsUnavailable:
            noticedLoad(event)
        case .identityRenewed(let identity, let validFor):
            logger.info(
                "identity renewed",
                metadata: ["identity": text(identity), "valid_seconds": .stringConvertible(validFor.seconds)]
            )
        case .identityRenewalFailed(let error):
            logger.error("identity not renewed, the last one stays in use", metadata: ["error": text("\(error)")])
        case .peerRefused(let refusal):
            logger.warning(
                "peer refused",
                metadata: [
                    "role": text(refusal.role.rawValue), "reason": text(refusal.reason.rawValue),
                    "error": text(refusal.message),
                ]
            )
        case .servingModeChanged(let address, let reason):
            if let reason {
                logger.warning("server not serving", metadata: ["address": text("\(address)"), "reason": text(reason)])
            } else {
                logger.info("server serving", metadata: ["address": text("\(address)")])
            }
        case .identityExpiring(let identity, let validFor):
            logger.log(
                level: validFor == .zero ? .critical : .warning,
                validFor == .zero ? "identity expired" : "identity expires and is not renewed",
                metadata: ["identity": text(identity), "valid_seconds": .stringConvertible(validFor.seconds)]
            )
        case .hostLookup(let lookup):
            looked(up: lookup)
        case .hostsWithoutResolver(let clusters):
            logger.warning(
                "the mesh has no resolver for the names of DNS clusters, the transport resolves them",
                metadata: ["clusters": .array(clusters.prefix(Self.maximumProblems).map { text($0) })]
            )
        case .tokensChecked(let listener, let refusal):
            logger.debug(
                "tokens of a request checked",
                metadata: ["listener": text(listener), "verdict": text(refusal ?? "allowed")]
            )
        case .authorizerAsked(let listener, let service, let verdict):
            logger.log(
                level: verdict == "error" || verdict == "failure_mode_allowed" ? .warning : .debug,
                "authorizer asked",
                metadata: ["listener": text(listener), "service": text(service), "verdict": text(verdict)]
            )
        case .keySetFetched(let uri, let keys, let isNew):
            logger.log(
                level: isNew ? .info : .debug,
                "key set fetched",
                metadata: ["uri": text(uri), "keys": .stringConvertible(keys)]
            )
        case .keySetFetchFailed(let uri, let reason):
            logger.warning(
                "key set not fetched, the last one stays in use",
                metadata: ["uri": text(uri), "reason": text(reason)]
            )
        case .faultInjected(let route, let kind):
            logger.debug("fault injected", metadata: ["route": text(route), "kind": text(kind)])
        case .authorizationDecided(let decision): decided(decision)
        case .unexpected(let component, let message):
            logger.warning("unexpected event", metadata: ["component": text(component), "event": text(message)])
        }
    }

    private func noticed(_ event: LastKnownGoodEvent, source: String) {
        switch event {
        case .inForce(let age):
            logger.warning(
                "no control plane answers, the last good configuration is in force",
                metadata: ["source": text(source), "age_seconds": .stringConvertible(age.seconds)]
            )
        case .refused(let error):
            logger.error(
                "last good configuration refused",
                metadata: ["source": text(source), "error": text("\(error)")]
            )
        case .notWritten(let error):
            logger.warning(
                "last good configuration not written",
                metadata: ["source": text(source), "error": text("\(error)")]
            )
        }
    }

    private func noticedUpstream(_ event: MeshEvent) {
        switch event {
        case .endpointEjected(let cluster, let endpoint, let duration, _, let reason):
            logger.warning(
                "endpoint ejected",
                metadata: [
                    "cluster": text(cluster), "endpoint": text(endpoint.description),
                    "seconds": .stringConvertible(duration.seconds), "reason": text(reason),
                ]
            )
        case .ejectionWithheld(let cluster, let endpoint, _, let reason, let obstacle):
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
        case .loadReportRefused(let cluster, let endpoint, let reason):
            logger.debug(
                "load report refused",
                metadata: [
                    "cluster": text(cluster), "endpoint": text(endpoint.description), "reason": text(reason),
                ]
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

    private func looked(up lookup: HostLookup) {
        var metadata: Logger.Metadata = [
            "host": text(lookup.host), "addresses": .stringConvertible(lookup.addresses),
            "seconds": .stringConvertible(lookup.duration.seconds),
        ]
        switch lookup.outcome {
        case .changed: logger.info("host name has other addresses", metadata: metadata)
        case .unchanged: logger.trace("host name has the same addresses", metadata: metadata)
        case .empty, .failed, .timedOut:
            if let error = lookup.error { metadata["error"] = text("\(error)") }
            metadata["failures"] = .stringConvertible(lookup.failuresInRow)
            // One that stays away is told once; how often it was asked for is counted.
            logger.log(
                level: lookup.failuresInRow > 1 ? .debug : .warning,
                lookup.outcome == .empty
                    ? "host name has no address, the last ones stay in use"
                    : "host name not resolved, the last addresses stay in use",
                metadata: metadata
            )
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
