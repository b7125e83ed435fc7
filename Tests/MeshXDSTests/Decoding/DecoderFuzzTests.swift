// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshConfig
import MeshCore
import Testing

@testable import MeshXDS

@Suite("Hostile resources")
struct DecoderFuzzTests {
    @Test("twenty thousand mutated resources are decoded or refused, never more than that")
    func mutations() async throws {
        let random = MeshRandom(seed: 20_000)
        var corpus: [(kind: ResourceKind, bytes: [UInt8])] = []
        for seed in 0..<60 as Range<UInt64> {
            var generator = ResourceGenerator(seed: seed)
            for (kind, packed) in ResourceEncoder(dialect: .own).encode(generator.resources()).resources {
                corpus += packed.values.map { (kind, $0.bytes) }
            }
        }
        var refused = 0
        for _ in 0..<20_000 {
            // Other tests are to go on meanwhile.
            await Task.yield()
            var (kind, bytes) = corpus[Int(random.below(UInt64(corpus.count)))]
            mutate(&bytes, random)
            if random.below(20) == 0 { kind = ResourceKind.allCases[Int(random.below(6))] }
            do {
                let decoded = try ResourceDecoder().decode(bytes, as: kind)
                // What is accepted must be valid, or the snapshot would refuse it after the ACK.
                try validate(decoded.resource)
            } catch {
                refused += 1
                #expect(!error.problems.isEmpty)
            }
        }
        // Both happen, or the mutations would say nothing.
        #expect((1_000..<19_500).contains(refused), "\(refused)")
    }

    private func validate(_ resource: XDSResource) throws(ConfigurationError) {
        do {
            switch resource {
            case .listener(let listener):
                var resources = MeshResources(listeners: [listener])
                if let name = listener.routeConfigurationName {
                    resources.routeConfigurations[name] = RouteConfiguration(name: name, virtualHosts: [])
                }
                try resources.validate()
            case .routeConfiguration(let routes): try routes.validate()
            case .cluster(let cluster): try cluster.validate()
            case .endpointAssignment(let assignment): try assignment.validate()
            case .secret(let secret): try secret.validate()
            case .runtimeLayer(let layer): try layer.validate()
            case .unused: break
            }
        } catch {
            Issue.record("an invalid resource was accepted: \(error)")
        }
    }

    private func mutate(_ bytes: inout [UInt8], _ random: MeshRandom) {
        for _ in 0...random.below(4) {
            guard !bytes.isEmpty else { return }
            let position = Int(random.below(UInt64(bytes.count)))
            switch random.below(5) {
            case 0: bytes[position] ^= UInt8(1 << random.below(8))
            case 1: bytes[position] = UInt8(truncatingIfNeeded: random.next())
            case 2: bytes.removeSubrange(position...)
            case 3: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: position)
            default:
                let end = min(bytes.count, position + Int(random.below(16)))
                bytes.insert(contentsOf: bytes[position..<end], at: Int(random.below(UInt64(bytes.count))))
            }
        }
    }
}
