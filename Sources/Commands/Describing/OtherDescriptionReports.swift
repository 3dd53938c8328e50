import Aviary
import AviaryPictures

extension DataReport {
  /// A graph: its size, its classes and parts, and how many of its edges join nodes of one class.
  init(_ graph: GraphDataset, path: String) {
    let labels = graph.labels.scalars
    var degrees = Array(repeating: 0, count: graph.nodes)
    var (known, equal) = (0, 0)
    let (offsets, columns) = (graph.adjacency.rowOffsets, graph.adjacency.columnIndices)
    for node in 0..<graph.nodes {
      degrees[node] = Int(offsets[node + 1] - offsets[node])
      for place in Int(offsets[node])..<Int(offsets[node + 1]) {
        let other = Int(columns[place])
        guard labels[node] >= 0, labels[other] >= 0 else { continue }
        known += 1
        if labels[node] == labels[other] { equal += 1 }
      }
    }
    let alone = degrees.count { $0 == 0 }
    let names = graph.classNames ?? (0..<graph.classes).map { "class \($0)" }
    let parts = [("train", graph.split.training), ("validation", graph.split.validation), ("test", graph.split.test)]
    summary =
      "\(path): graph, \(counted(graph.nodes, "node")), \(counted(graph.edges, "edge")), \(counted(graph.features.columns, "feature")) a node"
    var rows: [[String]] = []
    for (label, name) in names.enumerated() {
      let all = labels.count { $0 == Int32(label) }
      rows.append([name, grouped(all)] + parts.map { grouped($0.1.count { labels[$0] == Int32(label) }) })
    }
    rows.append(["all", grouped(graph.nodes)] + parts.map { grouped($0.1.count) })
    let share = known > 0 ? Double(equal) / Double(known) : nil
    var edges: [Block] = share.map { [.line("edges between nodes of one class: \(percent($0))")] } ?? []
    edges.append(
      .line(
        "edges a node: \(degrees.min() ?? 0) to \(degrees.max() ?? 0), mean \(fixed(2 * Double(graph.edges) / Double(max(graph.nodes, 1)), 2))"
      ))
    if alone > 0 { edges.append(.warning("\(counted(alone, "node")) without an edge")) }
    let classes = Listing(
      caption: "Nodes by class and part", header: ["class", "nodes"] + parts.map(\.0), rows: rows,
      numbers: [1, 2, 3, 4])
    sections = [
      .init(id: "classes", title: "Classes", blocks: [.listing(classes)]),
      .init(id: "edges", title: "Edges", blocks: edges),
    ]
    members = [
      .init("path", .text(path)), .init("kind", .text("graphs")), .init("nodes", .integer(graph.nodes)),
      .init("edges", .integer(graph.edges)), .init("features", .integer(graph.features.columns)),
      .init("classes", .texts(names)),
      .init("counts", .array(names.indices.map { label in .integer(labels.count { $0 == Int32(label) }) })),
      .init("parts", .object(parts.map { .init($0.0, .integer($0.1.count)) })),
      .init("edges_within_a_class", .real(share)), .init("nodes_without_an_edge", .integer(alone)),
    ]
  }

  /// A text: its length, and its characters.
  init(_ text: TextCorpus, path: String) {
    let characters = text.vocabulary.characters
    var counts = Array(repeating: 0, count: characters.count)
    for token in text.training { counts[Int(token)] += 1 }
    let order = characters.indices.sorted { (counts[$1], $0) < (counts[$0], $1) }
    let total = text.training.count
    let breaks = characters.firstIndex { $0 == "\n" }.map { counts[$0] } ?? 0
    summary =
      "\(path): text, \(counted(total, "character")), \(counted(breaks, "line break")), \(counted(characters.count, "different character"))"
    func share(_ place: Int) -> String { percent(Double(counts[place]) / Double(max(total, 1))) }
    var blocks: [Block] = [
      .line(
        "most frequent: "
          + order.prefix(12).map { "'\(characters[$0])' \(share($0))" }.joined(separator: ", "))
    ]
    let rare = order.filter { counts[$0] < 10 }
    if !rare.isEmpty {
      blocks.append(
        .warning(
          "\(counted(rare.count, "character")) fewer than ten times: "
            + DataReport.listed(rare.map { "'\(characters[$0])'" }, 12)))
    }
    let bars = order.prefix(40).map { place in
      BarChart.Bar(
        characters[place] == " " ? "space" : printable("\(characters[place])"), Double(counts[place]),
        label: share(place))
    }
    blocks.append(
      .figure(
        BarChart(title: "Most frequent characters", valueTitle: "times", bars: bars).drawing(width: 620),
        caption: "Of \(counted(total, "character"))."))
    sections = [.init(id: "characters", title: "Characters", blocks: blocks)]
    members = [
      .init("path", .text(path)), .init("kind", .text("text")), .init("characters", .integer(total)),
      .init("vocabulary", .integer(characters.count)),
      .init(
        "counts",
        .array(order.map { .members(["character": .text("\(characters[$0])"), "count": .integer(counts[$0])]) })),
    ]
  }
}
