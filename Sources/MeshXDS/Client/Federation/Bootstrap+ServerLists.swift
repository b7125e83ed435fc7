// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension Bootstrap {
    /// A list of control planes that there is one stream for, and one fallback.
    struct ServerList: Hashable, Sendable {
        /// In order of preference; never empty.
        var servers: [Server]
        /// Whose it is besides the top of the bootstrap, in order; empty for nobody else's.
        var authorities: [String]
    }

    /// The lists that differ, that of the top first, and which of them each authority has.
    var serverLists: (lists: [ServerList], directory: ServerDirectory) {
        var lists = [ServerList(servers: servers, authorities: [])]
        var places: [String: Int] = [:]
        for (name, authority) in authorities.sorted(by: { $0.key < $1.key }) {
            let own = authority.servers.isEmpty ? servers : authority.servers
            let keys = own.map(\.identity)
            let place = lists.firstIndex { $0.servers.map(\.identity) == keys } ?? lists.count
            if place == lists.count { lists.append(ServerList(servers: own, authorities: [])) }
            lists[place].authorities.append(name)
            places[name] = place
        }
        return (lists, ServerDirectory(lists: places))
    }
}

extension Bootstrap {
    /// The names of the listeners of targets, each with what requests call the services; the first target of a host has it.
    func hosts(of targets: [XDSTarget]) -> [String: [String]] {
        var hosts: [String: [String]] = [:]
        var claimed: Set<String> = []
        for target in targets {
            // Who is too late is asked for all the same: its virtual hosts may have other names.
            let own = claimed.insert(target.host).inserted ? [target.host] : []
            hosts[listenerName(of: target), default: []] += own
        }
        return hosts
    }
}

extension Bootstrap.Server {
    /// What makes two entries the same server: where it is, how it is spoken to, and the features that mean something here
    /// (gRFC A47).
    fileprivate var identity: Bootstrap.Server {
        let known = [Feature.delta, Feature.failOnDataErrors, Feature.timerIsTransientError]
        var identity = self
        identity.features = known.filter { features.contains($0) }
        return identity
    }
}

extension Bootstrap.ServerList {
    /// What events call a server of the list at a place.
    /// - Parameter isTop: Whether it is the list at the top of the bootstrap.
    func sourceName(of position: Int, isTop: Bool) -> String {
        Bootstrap.Server.sourceName(of: serverName(of: position, isTop: isTop))
    }

    /// What metrics of control planes call it: its URI, and what for.
    func serverName(of position: Int, isTop: Bool) -> String {
        let name = servers[position].uri
        // The same server may stand in several lists, and be reached by one while another lets go of it.
        return isTop ? name : "\(name) for \(authorities.map { $0.isEmpty ? "\"\"" : $0 }.joined(separator: ", "))"
    }
}
