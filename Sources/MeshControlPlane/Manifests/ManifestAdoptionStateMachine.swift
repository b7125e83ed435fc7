// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshManifests

/// Which manifests are in force: the latest that had no error, together with the workloads of that moment.
///
/// Some mistakes show only against the workloads that are registered, so manifests that were refused are judged again
/// when those change.
struct ManifestAdoptionStateMachine: Sendable {
    private var inForce: ManifestReading?
    private var candidate: ManifestReading?

    /// What is to be said about the latest manifests, in the order of the files.
    private(set) var diagnostics: [Diagnostic] = []
    /// Counts the manifests that have come into force.
    private(set) var generation: UInt64 = 0

    /// Whether the latest manifests are in force.
    var isCurrent: Bool { candidate == nil && inForce != nil }

    /// The folder holds other files now.
    mutating func read(_ reading: ManifestReading) {
        candidate = reading
    }

    /// Takes the latest manifests into force if they are good, and prepares those in force for serving.
    /// - Returns: `nil` if there were no good manifests yet: without the rules that an operator wrote down nothing must
    ///   be served, since some of them may be refusals.
    /// - Complexity: O(manifests · workloads).
    mutating func compile(_ workloads: [Workload], by compiler: ManifestCompiler) -> PreparedManifests? {
        if let candidate {
            let prepared = compiler.prepare(candidate.objects, workloads: workloads)
            diagnostics = (candidate.diagnostics + prepared.diagnostics).sorted()
            if !diagnostics.hasErrors {
                inForce = candidate
                self.candidate = nil
                generation += 1
                return prepared
            }
        }
        guard let inForce else { return nil }
        let prepared = compiler.prepare(inForce.objects, workloads: workloads)
        if candidate == nil { diagnostics = (inForce.diagnostics + prepared.diagnostics).sorted() }
        return prepared
    }
}
