import Aviary

/// Collections of graphs: the files of the TU format, prepared as for a network and put into a batch.
enum FuzzedCollections {
  private static let names = [
    "A", "graph_indicator", "graph_labels", "node_labels", "node_attributes", "edge_labels",
  ].map { "T_\($0).txt" }

  /// What a network may know of nodes.
  static let known = NodeEncoding(attributes: 2, labels: [.init(first: -1, count: 3)], mostNeighbours: 2)

  static var corpus: [[UInt8]] {
    let whole = [
      "1, 2\n2, 1\n2, 3\n3, 2\n4, 5\n5, 4\n", "1\n1\n1\n2\n2\n3\n", "1\n-1\n1\n", "0\n1\n0\n-1\n1\n0\n",
      "0.5, 1\n2, -1e2\n3, 0\n4, 1\n5, 1\n6, 1\n", "0\n0\n1\n1\n2\n2\n",
    ]
    let bare = ["1,2\r\n3,4\r\n5,6\r\n6,6\r\n", "2\r\n2\r\n1\r\n1\r\n3\r\n3", "4\r\n2.0\r\n4\r\n"]
    return [whole, bare].map { FileBundle.joined($0.map { Array($0.utf8) }) }
  }

  static func read(_ bytes: [UInt8], folder: String) throws {
    try FileBundle.unpack(bytes[...], names: names, at: folder) {
      guard let graphs = try? GraphCollection(path: folder) else { return }
      let own = [try? NodeEncoding(fitting: graphs), try? NodeEncoding(fitting: graphs, parts: [.degree])]
      for encoding in own.compactMap({ $0 }) + [known] {
        _ = encoding.unknown(in: graphs)
        guard let data = try? GraphClassification(graphs, encoding, propagation: .normalized) else { continue }
        let batch = data.examples.batch([graphs.count - 1, 0])
        _ = batch.adjacency.values.count + batch.features.shape[0] + batch.graphs.count
      }
      _ = try? graphs.labels(among: ["1", "-1", "2"])
    }
  }
}
