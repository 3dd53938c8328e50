import Aviary

/// What a network of an ensemble says of an item of data other than images.
enum MemberOutput {
  case classes(MemberAnswer)
  /// Estimates, in the units of the data.
  case numbers(OutputNumbers)

  var isFinite: Bool {
    switch self {
    case .classes(let answer): answer.isFinite
    case .numbers(let numbers): numbers.values.allSatisfy(\.isFinite)
    }
  }
}

/// A network of an ensemble on data other than images. Its items are numbered: rows of a table by their positions, nodes and
/// graphs from 0.
struct DataMember {
  /// The true answers of the items of a part.
  struct Labelled {
    let items: [Int]
    /// The class of each; empty of numbers.
    var labels: [Int32] = []
    /// The numbers of each; empty of classes.
    var targets: [[Double]] = []
    let part: EvaluationPart
    /// Rows of a table that are in no part.
    var lacking: [LackingRow] = []
  }

  let evaluation: DataEvaluation
  /// In the order of the outputs; nil of numbers.
  let classes: [String]?
  /// What is predicted, for messages.
  let target: String
  /// The word for an item.
  let noun: String
  /// The labelled items of a part of data.
  let labelled: (_ data: String) throws -> Labelled
  /// What the network says of items, by their numbers; of those that are asked for at least. nil asks for all.
  let outputs: (_ data: String, _ items: [Int]?) throws -> [Int: MemberOutput]
  /// What a person should know of how a table was understood, a line each.
  var remarks: (_ data: String) throws -> [String] = { _ in [] }
  /// How an item is called in the file; nil where by its number.
  var name: (_ data: String) throws -> (Int) -> Int = { _ in { $0 } }

  /// How many rows a table has, all of which are to be predicted; nil of a series, whose next value is.
  var count: ((_ data: String) throws -> Int)?
  /// What comes after the end of a series.
  var next: ((_ data: String) throws -> OutputNumbers)?
}

extension DataEvaluation {
  /// The network as a member of an ensemble.
  ///
  /// - Parameters:
  ///   - columns: what a table means for a network of another program.
  ///   - needsTarget: whether the data have to hold what is predicted.
  func member(on data: String, _ kind: DataKind, _ columns: ColumnOptions, needsTarget: Bool) throws -> DataMember {
    switch kind {
    case .graphs: return GraphCollection.isPresent(at: data) ? try graphMember(data) : try nodeMember(data)
    case .tables: break
    case .text, .images: throw CommandFault.noEnsemble(path: path)
    }
    if try unlabeled() != nil { throw CommandFault.noEnsemble(path: path) }
    switch try tablePreparation(for: data, columns, needsTarget: needsTarget) {
    case .rows(let preprocessing):
      let target = preprocessing.target
      let isRegression = target.task == .regression
      func open(_ model: some Classifier) -> DataMember {
        tableMember(
          ExamplePredictor(model, preprocessing), classes: isRegression ? nil : target.classes, target: target.name,
          noun: "row", inputs: { table, rows in try preprocessing.features(of: table, rows: rows) }, rows: \.rows)
      }
      return open(try tableModel(preprocessing))
    case .textColumn(let preprocessing):
      return tableMember(
        try textPredictor(preprocessing), classes: preprocessing.target.classes, target: preprocessing.target.name,
        noun: "text", inputs: { table, rows in try preprocessing.texts(of: table, rows: rows) }, rows: \.rows)
    case .series(let preprocessing):
      guard !preparesNothing else { throw CommandFault.noEnsemble(path: path) }
      func open(_ model: some Classifier) -> DataMember {
        let predictor = ExamplePredictor(model, preprocessing)
        let settings = preprocessing.settings
        var member = tableMember(
          predictor, classes: nil,
          target:
            "\(settings.target) (\(counted(settings.stepCount, "value")), \(counted(settings.rowsAhead, "row")) ahead)",
          noun: "window",
          inputs: { table, _ in
            let rows = try preprocessing.rows(of: table)
            return rows.examples(targets: 0..<rows.count).inputs
          }, rows: \.firstTargets)
        member.count = nil
        member.next = { path in
          let rows = try preprocessing.rows(of: preprocessing.table(csv: path))
          guard let numbers = predictor.numbersNext(after: rows) else {
            throw TableFault.shorterThanWindow(path: path, rows: rows.count, window: settings.window)
          }
          return numbers
        }
        return member
      }
      return open(try seriesModel(preprocessing))
    case .tags, .translation, .generation: throw CommandFault.noEnsemble(path: path)
    }
  }

  private func tableMember<Preparation: TablePreparation>(
    _ predictor: ExamplePredictor<Preparation>, classes: [String]?, target: String, noun: String,
    inputs: @escaping (Table, [Int]?) throws -> Preparation.Inputs,
    rows: @escaping (Preparation.Inputs) -> [Int]
  ) -> DataMember {
    let preprocessing = predictor.preprocessing
    var member = DataMember(
      evaluation: self, classes: classes, target: target, noun: noun,
      labelled: { path in
        let table = try preprocessing.table(csv: path)
        let (chosen, part) = try examples(of: table, preprocessing, item: noun) { () throws(TableFault) in
          try preprocessing.examples(of: table)
        }
        let width = max(1, chosen.targetWidth)
        let targets = stride(from: 0, to: chosen.targets.count, by: width).map { start in
          chosen.targets[start..<start + width].map { preprocessing.restored($0) }
        }
        return DataMember.Labelled(
          items: rows(chosen.inputs), labels: chosen.labels, targets: targets, part: part,
          lacking: try preprocessing.lackingRows(of: table))
      },
      outputs: { path, asked in
        let chosen = try inputs(try preprocessing.table(csv: path), asked)
        let outputs = predictor.numbers(chosen).map { numbers -> MemberOutput in
          classes == nil ? .numbers(numbers) : .classes(MemberAnswer(logits: numbers.values))
        }
        return Dictionary(zip(rows(chosen), outputs), uniquingKeysWith: { first, _ in first })
      })
    member.remarks = { path in
      let table = try preprocessing.table(csv: path)
      return try preprocessing.remarks(on: table) + inputs(table, nil).remarks
    }
    member.count = { path in try preprocessing.table(csv: path).rowCount }
    member.name = { path in
      let numbers = try preprocessing.table(csv: path).rowNumbers
      return { numbers[$0] }
    }
    return member
  }

  /// Of a collection of graphs, which are called by their numbers from 1.
  private func graphMember(_ data: String) throws -> DataMember {
    var member = DataMember(
      evaluation: self, classes: try graphSetting(data).classes, target: "the class of a graph", noun: "graph",
      labelled: { path in
        let setting = try graphSetting(path)
        let labels = try setting.data.collection.labels(among: setting.classes)
        let (part, chosen) = try chosenGraphs(path, setting)
        let graphs = chosen ?? Array(0..<setting.data.collection.count)
        return DataMember.Labelled(items: graphs, labels: graphs.map { labels[$0] }, part: part)
      },
      outputs: { path, asked in
        let setting = try graphSetting(path)
        let graphs = asked ?? Array(0..<setting.data.collection.count)
        func open(_ model: some NodeClassifier) -> [[Float]] { setting.data.probabilities(model, of: graphs) }
        let answers = open(setting.model).map { MemberOutput.classes(MemberAnswer(probabilities: $0.map(Double.init))) }
        return Dictionary(uniqueKeysWithValues: zip(graphs, answers))
      })
    member.name = { _ in { $0 + 1 } }
    member.count = { path in try GraphCollection(path: path).count }
    return member
  }

  /// Of the nodes of one graph.
  private func nodeMember(_ data: String) throws -> DataMember {
    var member = DataMember(
      evaluation: self, classes: try nodeSetting(data, needsLabels: false).classes, target: "the class of a node",
      noun: "node",
      labelled: { path in
        let dataset = try nodeSetting(path, needsLabels: true).dataset
        let chosen = part ?? .test
        let nodes =
          switch chosen {
          case .all: dataset.split.training + dataset.split.validation + dataset.split.test
          case .train: dataset.split.training
          case .validation: dataset.split.validation
          case .test: dataset.split.test
          }
        return DataMember.Labelled(items: nodes, labels: nodes.map { dataset.labels.scalars[$0] }, part: chosen)
      },
      outputs: { path, _ in
        let setting = try nodeSetting(path, needsLabels: false)
        func open(_ model: some NodeClassifier) -> [Float] { setting.task.probabilities(model) }
        let (probabilities, width) = (open(setting.model), setting.classes.count)
        var outputs: [Int: MemberOutput] = [:]
        for node in 0..<setting.dataset.nodes {
          outputs[node] = .classes(
            MemberAnswer(probabilities: probabilities[node * width..<(node + 1) * width].map(Double.init)))
        }
        return outputs
      })
    member.count = { path in try nodeSetting(path, needsLabels: false).dataset.nodes }
    return member
  }
}
