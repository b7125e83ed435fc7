// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import MeshManifests
import MeshRouting
import ServiceMesh

/// One run of `meshctl explain` on files.
struct ExplainRun {
    /// The request.
    var request: PreviewedRequest
    /// The request's random number, which chooses among weighted clusters.
    var random: UInt64 = 0
    /// The caller's address; `nil` if nobody knows.
    var sourceAddress: String?
    /// The client that manifests are compiled for.
    var client = Node()
    /// The instances that are running.
    var workloads: [Workload] = []
    /// The listener that takes what no other does; `nil` for none.
    var catchAllListener: String?
    /// How the result is printed.
    var format = OutputFormat.text

    /// Reads the files and says what becomes of the request; the status is a failure if nothing serves it.
    func outcome(_ files: [InputFile]) -> CommandOutcome {
        let input: ExplainInput
        let index: RoutePreviewIndex
        do {
            input = try ExplainInput(files, client: client, workloads: workloads)
        } catch {
            return CommandOutcome(status: .badInput, diagnostics: error.lines.map { "error: \($0)" })
        }
        // A lone listener takes whatever is asked: there is no other that it could take it from.
        let onlyListener = input.resources.listeners.count == 1 ? input.resources.listeners.keys.first : nil
        do {
            index = try RoutePreviewIndex(input.resources, catchAllListener: catchAllListener ?? onlyListener)
        } catch {
            return CommandOutcome(status: .badInput, diagnostics: error.problems.map { "error: \($0)" })
        }
        let facts = RoutingFacts(random: random, isSecure: request.scheme == "https", sourceAddress: sourceAddress)
        let finding = index.preview(request, facts: facts, contract: EnvoyHeaderContract(trusts: true))
        let warnings = input.warnings.map { "warning: \($0)" }
        return CommandOutcome(
            status: finding.isServed ? .success : .failure,
            output: format == .json ? [finding.json(of: request, warnings: warnings).text] : lines(of: finding),
            diagnostics: format == .json ? [] : warnings
        )
    }

    private func lines(of finding: RoutePreviewIndex.Finding) -> [String] {
        ["\(request.method) \(request.scheme ?? "http")://\(request.authority ?? "")\(request.path)", "\(finding)"]
    }
}

extension RoutePreviewIndex.Finding {
    /// Whether some route takes the request.
    fileprivate var isServed: Bool {
        switch preview?.outcome {
        case nil, .noVirtualHost, .noRoute: false
        case .forward, .redirect, .directResponse, .nonForwarding: true
        }
    }
}
