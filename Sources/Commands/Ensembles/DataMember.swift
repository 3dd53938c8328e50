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

  /// What the network says of items, and of their data.
  struct Answers {
    /// By the items' numbers.
    let outputs: [Int: MemberOutput]
    /// How all items are called in the file, in their order; empty of windows of a series, which have no place of their own.
    var names: [Int] = []
    /// What a person should know of how a table was understood, a line each.
    var remarks: [String] = []
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
  /// What the network says of items, of those that are asked for at least. nil asks for all.
  let answers: (_ data: String, _ items: [Int]?) throws -> Answers
  /// What comes after the end of a series, and what a person should know of it; nil of other data.
  var next: ((_ data: String) throws -> (numbers: OutputNumbers, remarks: [String]))?
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
        member.next = { path in
          let table = try preprocessing.table(csv: path)
          let rows = try preprocessing.rows(of: table)
          guard let numbers = predictor.numbersNext(after: rows) else {
            throw TableFault.shorterThanWindow(path: path, rows: rows.count, window: settings.window)
          }
          return (numbers, preprocessing.remarks(on: table))
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
    return DataMember(
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
      answers: { path, asked in
        let table = try preprocessing.table(csv: path)
        let chosen = try inputs(table, asked)
        let outputs = predictor.numbers(chosen).map { numbers -> MemberOutput in
          classes == nil ? .numbers(numbers) : .classes(MemberAnswer(logits: numbers.values))
        }
        return DataMember.Answers(
          outputs: Dictionary(zip(rows(chosen), outputs), uniquingKeysWith: { first, _ in first }),
          names: table.rowNumbers, remarks: preprocessing.remarks(on: table) + chosen.remarks)
      })
  }

  /// Of a collection of graphs, which are called by their numbers from 1.
  private func graphMember(_ data: String) throws -> DataMember {
    DataMember(
      evaluation: self, classes: try graphSetting(data).classes, target: "the class of a graph", noun: "graph",
      labelled: { path in
        let setting = try graphSetting(path)
        let labels = try setting.data.collection.labels(among: setting.classes)
        let (part, chosen) = try chosenGraphs(path, setting)
        let graphs = chosen ?? Array(0..<setting.data.collection.count)
        return DataMember.Labelled(items: graphs, labels: graphs.map { labels[$0] }, part: part)
      },
      answers: { path, asked in
        let setting = try graphSetting(path)
        let all = 0..<setting.data.collection.count
        let graphs = asked ?? Array(all)
        func open(_ model: some NodeClassifier) -> [[Float]] { setting.data.probabilities(model, of: graphs) }
        let answers = open(setting.model).map { MemberOutput.classes(MemberAnswer(probabilities: $0.map(Double.init))) }
        return DataMember.Answers(
          outputs: Dictionary(uniqueKeysWithValues: zip(graphs, answers)), names: all.map { $0 + 1 })
      })
  }

  /// Of the nodes of one graph.
  private func nodeMember(_ data: String) throws -> DataMember {
    DataMember(
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
      answers: { path, _ in
        let setting = try nodeSetting(path, needsLabels: false)
        func open(_ model: some NodeClassifier) -> [Float] { setting.task.probabilities(model) }
        let (probabilities, width) = (open(setting.model), setting.classes.count)
        var outputs: [Int: MemberOutput] = [:]
        for node in 0..<setting.dataset.nodes {
          outputs[node] = .classes(
            MemberAnswer(probabilities: probabilities[node * width..<(node + 1) * width].map(Double.init)))
        }
        return DataMember.Answers(outputs: outputs, names: Array(0..<setting.dataset.nodes))
      })
  }
}
