import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// A network that learned counts of words, in use: its hidden units are topics.
public struct TopicModel {
  /// The network.
  public let model: any EnergyModel
  /// How the table becomes the network's input.
  public let preparation: WordPreparation

  /// A network with its preparation.
  public init(_ model: any EnergyModel, _ preparation: WordPreparation) {
    self.model = model
    self.preparation = preparation
  }

  /// The words that each hidden unit makes more frequent than it found them, the most so first.
  ///
  /// They are told by what the unit alone changes in the distribution of words: a frequent word needs no topic.
  public func topics(words count: Int = 10) -> [[String]] {
    let (hidden, width) = (model.configuration.outputs, preparation.words.count)
    let states = Tensor(
      (0..<hidden * hidden).map { $0 / hidden == $0 % hidden ? 1 : 0 }, shape: [hidden, hidden])
    let inputs = inference { model.visibleInputs(states) - model.visibleInputs(Tensor(zeros: [1, hidden])) }.scalars
    return (0..<hidden).map { unit in
      let row = inputs[unit * width..<(unit + 1) * width]
      // The distribution stays the same where all words gain alike.
      let mean = row.reduce(0, +) / Float(width)
      let order = row.indices.sorted { (row[$0], $1) > (row[$1], $0) }
      return order.prefix(count).filter { row[$0] > mean }.map { preparation.words[$0 - row.startIndex] }
    }
  }

  /// With which probability each topic is in each document: [documents, topics].
  public func topics(of documents: Documents) -> Tensor {
    let rows = documents.rows(width: preparation.words.count)
    return inference { model.hiddenProbabilities(rows.batch(0..<rows.count)) }
  }

  /// How well words of documents are predicted from others of the same documents: every second word from the rest.
  public func completion(of documents: Documents) -> TopicMetrics {
    var metrics = TopicMetrics()
    let width = preparation.words.count
    let halves = documents.halves
    let (given, asked) = (halves.given.rows(width: width), halves.asked.rows(width: width))
    let shares = inference { log(Tensor(preparation.shares.map { Float($0) }, shape: [width])) }.scalars
    for places in given.batches() {
      let visible = given.batch(places)
      let wanted = asked.batch(places)
      let logarithms = logarithms(visible).scalars
      for (place, times) in wanted.scalars.enumerated() where times > 0 {
        metrics.add(
          times: Double(times), loss: -Double(logarithms[place]), baseline: -Double(shares[place % width]))
      }
    }
    return metrics
  }

  /// The mean negative log-likelihood of each word of documents [N, words] in their reconstruction, in nats a word.
  func reconstructionLoss(_ visible: Tensor) -> Double {
    let words = visible.sum().scalar
    return words > 0 ? Double(-(visible * logarithms(visible)).sum().scalar / words) : 0
  }

  /// log p(word) after documents [N, words].
  private func logarithms(_ visible: Tensor) -> Tensor {
    inference {
      let made = model.reconstruction(visible, completing: false)
      let lengths = visible.sum(over: [1]).reshaped(to: [-1, 1])
      return log(made / lengths + 1e-12)
    }
  }
}

/// How well words are predicted, beside a prediction that knows nothing of the document.
public struct TopicMetrics: Sendable {
  /// How many words were predicted.
  public private(set) var words = 0.0
  private var losses = 0.0
  private var baseline = 0.0

  mutating func add(times: Double, loss: Double, baseline: Double) {
    words += times
    losses += times * loss
    self.baseline += times * baseline
  }

  /// The mean negative log-likelihood in nats a word; nil without words.
  public var loss: Double? { words > 0 ? losses / words : nil }
  /// The same of words as frequent as in all training documents.
  public var baselineLoss: Double? { words > 0 ? baseline / words : nil }
}

extension Documents {
  /// As a network takes them.
  func rows(width: Int) -> VisibleRows {
    VisibleRows(counts.map { $0.map { (place: $0.word, value: Float($0.times)) } }, width: width)
  }

  /// Every second word, in the order of the vocabulary, and the others; documents of one word are left out.
  var halves: (given: Documents, asked: Documents) {
    var (given, asked) = (Documents(counts: [], rows: []), Documents(counts: [], rows: []))
    for (counts, row) in zip(self.counts, rows) where counts.reduce(0, { $0 + $1.times }) > 1 {
      var isGiven = true
      var parts: (given: [Count], asked: [Count]) = ([], [])
      for count in counts {
        let more = (count.times + 1) / 2
        let own = isGiven ? more : count.times - more
        if own > 0 { parts.given.append(.init(word: count.word, times: own)) }
        if own < count.times { parts.asked.append(.init(word: count.word, times: count.times - own)) }
        if count.times % 2 == 1 { isGiven.toggle() }
      }
      given.append(parts.given, row: row)
      asked.append(parts.asked, row: row)
    }
    return (given, asked)
  }
}

extension WordPreparation {
  var part: VisiblePart { VisiblePart(.counts, visible: words.count) }
}

extension UnlabeledRows {
  static func words(
    _ path: String, _ settings: WordSettings, _ split: RecordedSplit, keeping known: WordPreparation?
  ) throws -> Found {
    let table = try WordPreparation.table(csv: path, known?.settings ?? settings)
    let division = try split.division(of: table.rowCount, path: path)
    let preparation = try known ?? WordPreparation(fitting: table, rows: division.training, settings)
    func part(_ rows: [Int]) throws(TableFault) -> Documents { try preparation.documents(of: table, rows: rows) }
    let (training, validation, test) = (
      try part(division.training), try part(division.validation), try part(division.test)
    )
    guard !training.counts.isEmpty else {
      throw TableFault.noWords(path: path, column: settings.column ?? preparation.words[0])
    }
    var fingerprint = DataFingerprint()
    for documents in [training, validation, test] {
      fingerprint.add(documents.counts.flatMap { [-1] + $0.flatMap { [$0.word, $0.times] } })
    }
    var remarks = table.remarks(on: settings.column == nil ? preparation.words : [])
    let all = [training, validation, test]
    let (documents, words) = (all.reduce(0) { $0 + $1.rows.count }, all.reduce(0) { $0 + $1.words })
    remarks.append("\(documents) documents, \(words) words, \(preparation.words.count) different ones counted")
    let empty = table.rowCount - documents
    if empty > 0 { remarks.append("\(empty) rows without a word of the vocabulary are left out") }
    func scores(_ documents: Documents) -> (any EnergyModel) -> Scores? {
      { TopicModel($0, preparation).completion(of: documents).loss.map { Scores(loss: $0) } }
    }
    var found = Found(
      items: "documents", preparation: .words(preparation), training: training.rows(width: preparation.words.count),
      changes: preparation.part.changes, parts: [preparation.part], fingerprint: fingerprint, remarks: remarks,
      validation: scores(validation),
      test: scores(test))
    found.missesGroups = true
    found.skipped = empty
    found.monitors = [.loss]
    found.loss = { TopicModel($1, preparation).reconstructionLoss($0) }
    return found
  }
}
