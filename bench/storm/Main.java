/* Main.java - runs a workload on Storm: all in this JVM, or on daemons with worker processes.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     java peers.Main WORKLOAD TEXT DIR WARM-UP SECONDS WORKERS
 *
 * It goes on until it is killed: bench/peers sees from DIR/events when all is done. Storm's
 * servers listen on every address there is; bench/peers therefore gives it a network that has
 * nothing but a loopback.
 */
package peers;

import org.apache.storm.LocalCluster;
import org.apache.storm.StormSubmitter;
import org.apache.storm.daemon.nimbus.Nimbus;
import org.apache.storm.daemon.supervisor.Supervisor;
import org.apache.storm.utils.NimbusClient;
import org.apache.storm.utils.Utils;
import org.apache.storm.zookeeper.Zookeeper;

public final class Main {
	private static final String NAME = "bench";

	private Main() {
	}

	public static void main(String[] args) throws Exception {
		Settings settings = new Settings(args);
		if (settings.workers == 0)
			here(settings);
		else
			apart(settings);
		Thread.currentThread().join();
	}

	/** One JVM for everything: tuples are handed on by reference, as within any worker. */
	private static void here(Settings settings) throws Exception {
		LocalCluster cluster = new LocalCluster.Builder().withSupervisors(1)
			.withPortsPerSupervisor(1).build();
		cluster.submitTopology(NAME, settings.config(), settings.topology());
	}

	/** ZooKeeper, Nimbus and a supervisor in this JVM; the supervisor starts the workers. */
	private static void apart(Settings settings) throws Exception {
		Zookeeper.mkInprocessZookeeper(settings.dir + "/zookeeper", 2181);
		daemon("nimbus", () -> Nimbus.main(new String[0]));
		daemon("supervisor", () -> Supervisor.main(new String[0]));
		awaitNimbus();
		StormSubmitter.submitTopology(NAME, settings.config(), settings.topology());
	}

	/** awaitNimbus waits until it answers; who measures gives up after a while. */
	private static void awaitNimbus() throws Exception {
		for (;;) {
			try {
				NimbusClient.withConfiguredClient(client -> { }, Utils.readStormConfig());
				return;
			} catch (RuntimeException e) {
				Thread.sleep(500);
			}
		}
	}

	private interface Daemon {
		void run() throws Exception;
	}

	private static void daemon(String name, Daemon daemon) {
		new Thread(() -> {
			try {
				daemon.run();
			} catch (Exception e) {
				throw new IllegalStateException(name + " failed", e);
			}
		}, name).start();
	}
}
