/* Tasks.java - the spouts and bolts that Storm runs.
 * SPDX-License-Identifier: Apache-2.0
 */
package peers;

import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.topology.base.BaseRichSpout;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;

final class Tasks {
	static final String END = "end";

	private Tasks() {
	}

	/** Source emits lines of the text, or one constant; what failed is emitted again. */
	static final class Source extends BaseRichSpout {
		private static final int SLOTS = 1 << 20;	// far more than are ever on their way
		private static final Long END_ID = -1L;
		private final Settings settings;
		private transient SpoutOutputCollector out;
		private transient String[] lines;
		private transient int[] words;
		private transient long[] started;
		private transient ArrayDeque<Long> again;
		private long emitted;
		private long open;
		private long failed;
		private boolean ended;

		Source(Settings settings) {
			this.settings = settings;
		}

		@Override
		public void declareOutputFields(OutputFieldsDeclarer declarer) {
			declarer.declare(new Fields("line"));
			declarer.declareStream(END, new Fields("nothing"));
		}

		@Override
		public void open(Map<String, Object> conf, TopologyContext context,
				SpoutOutputCollector collector) {
			out = collector;
			lines = settings.isWordCount() ? Text.lines(settings.text)
				: new String[] {"some data"};
			words = new int[lines.length];
			for (int i = 0; i < lines.length; i++)
				words[i] = settings.isWordCount() ? Text.words(lines[i]) : 1;
			started = new long[SLOTS];
			again = new ArrayDeque<>();
			Window.start(settings.dir, settings.warmUp, settings.seconds);
		}

		@Override
		public void nextTuple() {
			Long id = again.poll();
			if (id == null && Window.over) {
				end();
				return;
			}
			if (id == null) {
				id = emitted++;
				open++;
				started[(int) (id % SLOTS)] = System.nanoTime();
			}
			out.emit(new Values(lines[(int) (id % lines.length)]), id);
		}

		/** end asks for the counts once all is acked. */
		private void end() {
			if (open > 0 || ended)
				return;
			ended = true;
			if (settings.isWordCount())
				out.emit(END, new Values(""), END_ID);
			else
				Window.ended(emitted, failed);
		}

		@Override
		public void ack(Object id) {
			long n = (Long) id;
			if (END_ID.equals(id)) {
				Window.ended(emitted, failed);
				return;
			}
			open--;
			Window.done.add(words[(int) (n % lines.length)]);
			if (Window.open)
				Window.latency.add(System.nanoTime() - started[(int) (n % SLOTS)]);
		}

		@Override
		public void fail(Object id) {
			failed++;
			if (END_ID.equals(id))
				ended = false;
			else
				again.add((Long) id);
		}
	}

	/** Paced emits numbers when they are due; what it does in between is Storm's wait strategy. */
	static final class Paced extends BaseRichSpout {
		private final Settings settings;
		private transient SpoutOutputCollector out;
		private boolean started;
		private long at;

		Paced(Settings settings) {
			this.settings = settings;
		}

		@Override
		public void declareOutputFields(OutputFieldsDeclarer declarer) {
			declarer.declare(new Fields("line"));
		}

		@Override
		public void open(Map<String, Object> conf, TopologyContext context,
				SpoutOutputCollector collector) {
			out = collector;
		}

		@Override
		public void activate() {
			if (!started)
				Pace.start(settings.rate, settings.dir, settings.warmUp, settings.seconds);
			started = true;
		}

		@Override
		public void nextTuple() {
			if (Pace.isDue(at))
				out.emit(new Values("some data"), at++);
		}

		@Override
		public void ack(Object id) {
			Pace.completed((Long) id);
		}

		/** What failed is never complete, and so there are no latencies. */
		@Override
		public void fail(Object id) {
			System.err.println("number " + id + " failed");
		}
	}

	static final class Split extends BaseRichBolt {
		private transient OutputCollector out;

		@Override
		public void prepare(Map<String, Object> conf, TopologyContext context,
				OutputCollector collector) {
			out = collector;
		}

		@Override
		public void execute(Tuple line) {
			Text.split(line.getString(0), word -> out.emit(line, new Values(word)));
			out.ack(line);
		}

		@Override
		public void declareOutputFields(OutputFieldsDeclarer declarer) {
			declarer.declare(new Fields("word"));
		}
	}

	static final class Count extends BaseRichBolt {
		private final Settings settings;
		private transient OutputCollector out;
		private transient Map<String, long[]> counts;
		private transient String task;

		Count(Settings settings) {
			this.settings = settings;
		}

		@Override
		public void prepare(Map<String, Object> conf, TopologyContext context,
				OutputCollector collector) {
			out = collector;
			counts = new HashMap<>();
			task = String.valueOf(context.getThisTaskId());
		}

		@Override
		public void execute(Tuple tuple) {
			if (tuple.getSourceStreamId().equals(END))
				Window.write(settings.dir, task, counts);
			else
				counts.computeIfAbsent(tuple.getString(0), word -> new long[1])[0]++;
			out.ack(tuple);
		}

		@Override
		public void declareOutputFields(OutputFieldsDeclarer declarer) {
		}
	}

	static final class Id extends BaseRichBolt {
		private transient OutputCollector out;

		@Override
		public void prepare(Map<String, Object> conf, TopologyContext context,
				OutputCollector collector) {
			out = collector;
		}

		@Override
		public void execute(Tuple tuple) {
			out.emit(tuple, new Values(tuple.getString(0)));
			out.ack(tuple);
		}

		@Override
		public void declareOutputFields(OutputFieldsDeclarer declarer) {
			declarer.declare(new Fields("line"));
		}
	}

	static final class Null extends BaseRichBolt {
		private transient OutputCollector out;

		@Override
		public void prepare(Map<String, Object> conf, TopologyContext context,
				OutputCollector collector) {
			out = collector;
		}

		@Override
		public void execute(Tuple tuple) {
			out.ack(tuple);
		}

		@Override
		public void declareOutputFields(OutputFieldsDeclarer declarer) {
		}
	}
}
